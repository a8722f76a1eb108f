package source

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// at makes records of offsets.
func at(offsets ...int64) (records []*kgo.Record) {
	for _, o := range offsets {
		records = append(records, &kgo.Record{Offset: o})
	}
	return records
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		take     [][]int64
		finish   []int64
		position int64
		moved    bool
	}{
		"nothing_finished":    {[][]int64{{5, 6, 7}}, nil, 5, false},
		"C01_in_order":        {[][]int64{{0, 1, 2}}, []int64{0, 1}, 2, true},
		"C01_all":             {[][]int64{{0, 1}, {2}}, []int64{0, 1, 2}, 3, true},
		"C02_mixed":           {[][]int64{{0, 1, 2, 3}, {4, 5, 6, 7}}, []int64{5, 2, 0, 7, 1, 3, 4, 6}, 8, true},
		"C03_one_missing":     {[][]int64{{0, 1, 2, 3, 4, 5, 6, 7}}, []int64{0, 1, 2, 3, 4, 5, 7}, 6, true},
		"C03_first_missing":   {[][]int64{{3, 4, 5}}, []int64{4, 5}, 3, false},
		"C08_beyond_2_to_31":  {[][]int64{{1<<31 - 1, 1 << 31}}, []int64{1 << 31, 1<<31 - 1}, 1<<31 + 1, true},
		"C09_gaps_are_done":   {[][]int64{{0, 5}, {9}}, []int64{0, 9}, 5, true},
		"C09_gap_to_the_next": {[][]int64{{0}, {100, 200}}, []int64{0}, 100, true},
		"C09_gap_at_the_end":  {[][]int64{{0, 5}}, []int64{0, 5}, 6, true},
		"finished_twice":      {[][]int64{{0, 1}}, []int64{0, 0}, 1, true},
		"not_taken":           {[][]int64{{4, 5}}, []int64{3, 9}, 4, false},
		"log_starts_again":    {[][]int64{{500, 501}, {0, 1, 2}}, []int64{500, 0, 501}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &partition{}
			for _, offsets := range tc.take {
				p.take(at(offsets...))
			}
			for _, o := range tc.finish {
				p.finish(o)
			}
			if position, moved := p.position(); position != tc.position || moved != tc.moved {
				t.Errorf("position %d, moved %v; want %d, %v", position, moved, tc.position, tc.moved)
			}
		})
	}
}

// TestPositionOfAnyOrder finishes records in random orders and holds the
// position against the plain meaning of it after each step.
func TestPositionOfAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		p := &partition{}
		var offsets, taken []int64
		for o, n := int64(random.IntN(100)), random.IntN(60)+1; n > 0; n-- {
			offsets = append(offsets, o)
			o += 1 + int64(random.IntN(3)*random.IntN(5))
		}
		last := int64(-1)
		for done := 0; done < len(offsets); {
			if rest := offsets[len(taken)+done:]; len(rest) > 0 && (len(taken) == 0 || random.IntN(2) == 0) {
				n := 1 + random.IntN(len(rest))
				p.take(at(rest[:n]...))
				taken = append(taken, rest[:n]...)
				last = rest[n-1]
			} else {
				i := random.IntN(len(taken))
				p.finish(taken[i])
				taken = slices.Delete(taken, i, i+1)
				done++
			}
			want := last + 1
			if len(taken) > 0 {
				want = taken[0]
			}
			if got, _ := p.position(); got != want {
				t.Fatalf("seed %d: position %d, want %d with %v unfinished", seed, got, want, taken)
			}
		}
	}
}
