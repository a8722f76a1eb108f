package runner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func stopped(t *testing.T, r *Runner, name string) {
	t.Helper()
	wait(t, "pid 0", func() string { return fmt.Sprintf("pid %d", r.Functions()[name].PID) })
}

func TestRunner_stops_what_is_idle_and_starts_it_for_the_next_request(t *testing.T) {
	r, heard, logs := start(t, Spec{Idle: 50 * time.Millisecond})
	before := r.Functions()["hold-mugs"]
	stopped(t, r, "hold-mugs")
	text, err := os.ReadFile(filepath.Join(logs, "hold-mugs.log"))
	if err != nil || !strings.Contains(string(text), "finished") {
		t.Errorf("its last words are %q (%v), want those of a function that was told to stop", text, err)
	}
	began := time.Now()
	answer, header, err := echo(t.Context(), r, strings.NewReader("x"))
	took := time.Since(began)
	dur, found := strings.CutPrefix(header.Get("Server-Timing"), "cold;dur=")
	ms, parsed := strconv.ParseFloat(dur, 64)
	if cold := time.Duration(ms * float64(time.Millisecond)); answer != "x by hold-mugs-00001" || err != nil || !found || parsed != nil || cold <= 0 || cold > took {
		t.Errorf("%q, %v, Server-Timing %q, want a cold start of at most %s", answer, err, header.Get("Server-Timing"), took)
	}
	if after := r.Functions()["hold-mugs"]; after.URL != before.URL || after.PID == before.PID {
		t.Errorf("before %+v, after %+v: want another process at the same address", before, after)
	}
	for { // one that follows at once, however slow this machine is
		_, header, err := echo(t.Context(), r, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		if header.Get("Server-Timing") == "own;dur=1" {
			break
		}
	}
	if said := heard.String(); !strings.Contains(said, "hold-mugs idle for 50ms: stopped\n") || !strings.Contains(said, "hold-mugs started in ") || !strings.Contains(said, "ms by an event") || strings.Contains(said, "ended") {
		t.Errorf("said %q", said)
	}
}

func TestRunner_keeps_what_has_a_request_in_flight(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var specs []Spec
	for _, name := range []string{"hold-mugs", "leave-mugs"} {
		specs = append(specs, Spec{Name: name, Binary: binary, Idle: 200 * time.Millisecond, Env: []string{"GORACE=atexit_sleep_ms=0"}})
	}
	r, err := Start(t.Context(), t.TempDir(), specs, func(string, ...any) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(context.Background()) }()
	stream, err := get(t.Context(), t, r, "/hold")
	if err != nil {
		t.Fatal(err)
	}
	held := r.Functions()["hold-mugs"].PID
	for range 2 { // the other one is, again and again
		stopped(t, r, "leave-mugs")
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://leave-mugs/env", http.NoBody)
		response, err := r.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	_, header, err := echo(t.Context(), r, strings.NewReader("x"))
	if got := r.Functions()["hold-mugs"].PID; err != nil || header.Get("Server-Timing") != "own;dur=1" || got != held || held == 0 {
		t.Errorf("%v, Server-Timing %q, pid %d, want %d: it has a stream", err, header.Get("Server-Timing"), got, held)
	}
	_ = stream.Body.Close()
	stopped(t, r, "hold-mugs")
}

// Each request may come before, while or after the function is stopped for being idle.
func TestRunner_loses_no_request_that_races_the_stop(t *testing.T) {
	r, heard, _ := start(t, Spec{Idle: time.Millisecond})
	var load sync.WaitGroup
	for worker := range 2 {
		load.Go(func() {
			for n := range 25 {
				text := fmt.Sprintf("%d/%d", worker, n)
				if answer, _, err := echo(t.Context(), r, strings.NewReader(text)); err != nil || answer != text+" by hold-mugs-00001" {
					t.Errorf("%s: %q, %v", text, answer, err)
				}
				<-time.After(rand.N(3 * time.Millisecond))
			}
		})
	}
	load.Wait()
	if n := strings.Count(heard.String(), "stopped"); n < 5 {
		t.Errorf("stopped only %d times: this test has raced nothing", n)
	}
}

func TestRunner_replaces_what_sleeps(t *testing.T) {
	r, _, _ := start(t, Spec{Idle: 30 * time.Millisecond})
	stopped(t, r, "hold-mugs")
	if _, err := r.Replace(t.Context(), "hold-mugs"); err != nil {
		t.Fatal(err)
	}
	stopped(t, r, "hold-mugs")
	if answer, _, err := echo(t.Context(), r, strings.NewReader("x")); err != nil || answer != "x by hold-mugs-00002" {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestRunner_lets_a_request_wait_no_longer_than_it_wants_to(t *testing.T) {
	binary := newProgram(t)
	r, _, _ := start(t, Spec{Binary: string(binary), Idle: 20 * time.Millisecond})
	stopped(t, r, "hold-mugs")
	binary.write(t, "BROKEN=1")
	short, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := echo(short, r, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "wait for hold-mugs to be ready") {
		t.Errorf("while it does not start: %v", err)
	}
	binary.write(t, "")
	if answer, _, err := echo(t.Context(), r, strings.NewReader("x")); err != nil || answer != "x by hold-mugs-00001" {
		t.Errorf("when it does: %q, %v", answer, err)
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, _, err := echo(t.Context(), r, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), "is stopping") {
		t.Errorf("after the end: %v", err)
	}
}
