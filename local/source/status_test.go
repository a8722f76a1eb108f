package source

import (
	"strings"
	"testing"
	"time"
)

func TestStatus_tells_lag_and_what_waits(t *testing.T) {
	t.Parallel()
	withKafka(t, 3, func(k *fakeKafka) {
		to := &sinks{answer: func(c call, _ int) reply {
			if c.id() == "a2" {
				return reply{status: 503, body: "away", header: map[string][]string{"Server-Timing": {"cold;dur=12.5"}}}
			}
			return reply{status: 200}
		}}
		c := testConfig(to)
		c.Ordered, c.Delivery = true, Delivery{Retry: 1, Delay: time.Hour}
		first, _ := on(0, "a", 5)
		second, _ := on(1, "b", 2)
		k.produce(append(first, second...)...)
		s := k.start(c)
		time.Sleep(commitInterval + time.Second)
		status, err := s.Status(k.Context())
		if err != nil || len(status.Partitions) != 3 || len(status.InFlight) != 1 {
			t.Fatalf("%+v, %v", status, err)
		}
		if p := status.Partitions[2]; p.Committed != -1 || p.Position != -1 || p.End != 0 || p.Lag != 0 {
			t.Errorf("partition without a record: %+v", p)
		}
		if p := status.Partitions[0]; p.Committed != 2 || p.Position != 2 || p.End != 5 || p.Lag != 3 || p.Queued != 2 {
			t.Errorf("partition 0: %+v", p)
		}
		if p := status.Partitions[1]; p.Committed != 2 || p.Lag != 0 || p.Queued != 0 {
			t.Errorf("partition 1: %+v", p)
		}
		f := status.InFlight[0]
		if f.Event != "a2" || f.State != Waiting || time.Until(f.Until) < 50*time.Minute || f.Fate != "" || len(f.Attempts) != 1 {
			t.Errorf("in flight: %+v", f)
		}
		if a := f.Attempts[0]; a.Status != 503 || !a.Again || string(a.Answer) != "away" || a.Cold != 12500*time.Microsecond {
			t.Errorf("attempt: %+v", a)
		}
		stopNow(s)
	})
}

// TestWatchdog: a partition that could move and does not is told of, once, until
// it moves; one that has nothing to do is not.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	withKafka(t, 2, func(k *fakeKafka) {
		release := make(chan struct{})
		to := &sinks{answer: func(c call, _ int) reply {
			if c.id() == "a1" {
				<-release
			}
			return reply{status: 200}
		}}
		c := testConfig(to)
		log := &strings.Builder{}
		c.Ordered, c.Log = true, c.Log.Output(log)
		first, _ := on(0, "a", 2)
		second, _ := on(1, "b", 2)
		k.produce(append(first, second...)...)
		s := k.start(c)
		time.Sleep(stallAfter - watchInterval)
		if status, _ := s.Status(k.Context()); status.Partitions[0].Stalled != 0 {
			t.Errorf("stalled too early: %+v", status.Partitions[0])
		}
		time.Sleep(10 * stallAfter)
		status, _ := s.Status(k.Context())
		if p := status.Partitions[0]; p.Stalled < 9*stallAfter || !strings.Contains(p.Why, "event a1 at offset 1 is attempting after 0 attempts") {
			t.Errorf("%+v", p)
		}
		if p := status.Partitions[1]; p.Stalled != 0 {
			t.Errorf("%+v", p)
		}
		close(release)
		time.Sleep(2 * watchInterval)
		if status, _ = s.Status(k.Context()); status.Partitions[0].Stalled != 0 {
			t.Errorf("still stalled: %+v", status.Partitions[0])
		}
		k.stop(s)
	})
}
