package source

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestPause_holds_and_steps(t *testing.T) {
	t.Parallel()
	withKafka(t, 2, func(k *fakeKafka) {
		to := &sinks{}
		c := testConfig(to)
		c.Ordered = true
		first, _ := on(0, "a", 3)
		second, _ := on(1, "b", 1)
		s := k.start(c)
		s.Pause()
		k.produce(append(first, second...)...)
		settle()
		if got := to.ids(); len(got) != 0 {
			t.Errorf("%v came through a pause", got)
		}
		if got := k.states(s); got != "paused [a0 held] [b0 held]" {
			t.Error(got)
		}
		stepped := 0
		for s.Step() {
			stepped++
			settle()
		}
		if got := to.ids(); stepped != 4 || len(got) != 4 {
			t.Errorf("%d steps brought %v", stepped, got)
		}
		more, _ := on(0, "c", 2)
		k.produce(more...)
		settle()
		s.Resume()
		settle()
		if got := to.ids(); len(got) != 6 {
			t.Errorf("%v came in the end", got)
		}
		k.stop(s)
		k.wantCommitted(0, 5)
	})
}

// states is what a source is at, in few words.
func (k *fakeKafka) states(s *Source) string {
	k.Helper()
	status, err := s.Status(k.Context())
	if err != nil {
		k.Error(err)
	}
	out := map[bool]string{true: "paused", false: "running"}[status.Paused]
	slices.SortFunc(status.InFlight, func(a, b Flight) int { return int(a.Partition - b.Partition) })
	for _, f := range status.InFlight {
		out += fmt.Sprintf(" [%s %s", f.Event, f.State)
		if len(f.Attempts) > 0 {
			out += fmt.Sprint(" after ", len(f.Attempts))
		}
		out += "]"
	}
	return out
}

// A break holds the event before anything follows from the failure: mended
// meanwhile, the same attempt succeeds, although its status would have made it a
// dead letter.
func TestBreak_holds_the_event_in_hand(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		mended, seen := false, &fates{}
		to := &sinks{answer: func(c call, _ int) reply {
			if c.id() == "a0" && !mended {
				return reply{status: 422}
			}
			return reply{status: 204}
		}}
		c := testConfig(to)
		c.Ordered, c.DeadLetterSink, c.Observe = true, deadURL, seen.add
		records, _ := on(0, "a", 2)
		s := k.start(c)
		s.BreakOnFailure(true)
		k.produce(records...)
		settle()
		if got := k.states(s); got != "paused [a0 held after 1]" {
			t.Error(got)
		}
		s.Step() // not mended yet
		settle()
		if got := k.states(s); got != "paused [a0 held after 2]" {
			t.Error(got)
		}
		mended = true
		s.Resume()
		settle()
		seen.want(t, Done, Done)
		if got := to.ids(); !slices.Equal(got, []string{"a0", "a0", "a0", "a1"}) {
			t.Errorf("%v came", got)
		}
		if got := seen.of(0).Attempts; !got[0].Broke || !got[1].Broke || got[2].Broke {
			t.Errorf("attempts %+v", got)
		}
		k.stop(s)
	})
}

// A break does not use up retries, and without one they go on.
func TestBreak_repeats_the_number_of_the_attempt(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to := &sinks{answer: statuses(503)}
		c := testConfig(to)
		c.Delivery = Delivery{Retry: 2, Delay: time.Second}
		records, _ := on(0, "a", 1)
		s := k.start(c)
		s.BreakOnFailure(true)
		k.produce(records...)
		settle()
		s.BreakOnFailure(false)
		s.Resume()
		time.Sleep(5 * time.Second)
		if got := len(to.calls()); got != 4 {
			t.Errorf("%d attempts, want the first twice and two retries", got)
		}
		k.stop(s)
	})
}

// What is held when the source stops is given up, not waited for: it comes again.
func TestPause_does_not_hold_up_a_stop(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to := &sinks{}
		records, _ := on(0, "a", 3)
		s := k.start(testConfig(to))
		s.Pause()
		k.produce(records...)
		settle()
		began := time.Now()
		k.stop(s)
		if took := time.Since(began); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		k.wantCommitted(0, -1)
		s = k.start(testConfig(to))
		settle()
		if got := len(to.calls()); got != 3 {
			t.Errorf("%d came after the next start, want 3", got)
		}
		k.stop(s)
	})
}

// A source that nobody looks at has the clock that it was given.
func TestSleep_is_the_clock_of_the_back_off(t *testing.T) {
	t.Parallel()
	var slept time.Duration
	c := testConfig(&sinks{answer: statuses(503)})
	c.Delivery = Delivery{Retry: 10, Delay: 300 * time.Millisecond, Exponential: true}
	c.Sleep = func(_ context.Context, d time.Duration) bool { slept += d; return true }
	d := deliverOne(t, c, values(1)[0])
	if slept != 613800*time.Millisecond || len(d.Attempts) != 11 || d.Attempts[10].Wait != 307200*time.Millisecond {
		t.Errorf("slept %v for %d attempts", slept, len(d.Attempts))
	}
}
