package eventtest

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Seeds runs test with n random histories, or with the one that $SEED names. A
// failing one is told with the command that repeats it.
func Seeds(t *testing.T, n int, test func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	first, end := 0, n
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if first, err = strconv.Atoi(text); err != nil || first < 0 {
			t.Fatalf("SEED is %q, want a number from 0", text)
		}
		end = first + 1
	}
	for seed := first; seed < end; seed++ {
		t.Run("seed_"+strconv.Itoa(seed), func(t *testing.T) {
			defer func() {
				if t.Failed() {
					folder, _ := os.Getwd()
					name, _, _ := strings.Cut(t.Name(), "/")
					t.Logf("to repeat it: SEED=%d go test ./%s/%s -run '^%s$'", seed, filepath.Base(filepath.Dir(folder)), filepath.Base(folder), name)
				}
			}()
			test(t, rand.New(rand.NewPCG(uint64(seed), 0)))
		})
	}
}

// Deliver gives handle all of events as a source may: each one to three times,
// in any order, any store call failing, and again, before or after others, until
// it is done. An event that is given up fails the test.
func Deliver[E any](t *testing.T, r *rand.Rand, f *Faults, events []E, handle func(E) error) {
	t.Helper()
	var queue []E
	for _, e := range events {
		for range 1 + r.IntN(3) {
			queue = append(queue, e)
		}
	}
	r.Shuffle(len(queue), func(i, j int) { queue[i], queue[j] = queue[j], queue[i] })
	for attempt := 0; len(queue) > 0; attempt++ {
		e := queue[0]
		f.Fail(r.IntN(6), r.IntN(2) == 0)
		err := handle(e)
		f.Fail(-1, false)
		switch Fate(err) {
		case "done":
			queue = queue[1:]
		case "dead letter":
			t.Fatalf("given up: %v", err)
		default:
			if !errors.Is(err, errFault) {
				t.Fatalf("attempt %d fails by itself: %v", attempt, err)
			}
			later := r.IntN(len(queue))
			copy(queue, queue[1:later+1])
			queue[later] = e
		}
	}
}
