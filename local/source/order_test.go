package source

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// on makes records for one partition, with ids that tell them apart.
func on(partition int32, prefix string, n int) (records []*kgo.Record, ids []string) {
	for i := range n {
		id := fmt.Sprint(prefix, i)
		ids = append(ids, id)
		records = append(records, &kgo.Record{Partition: partition, Headers: binaryEvent("ce_id", id)})
	}
	return records, ids
}

func TestOrder(t *testing.T) {
	t.Parallel()
	t.Run("O01_ordered_one_after_the_other", func(t *testing.T) {
		t.Parallel()
		withKafka(t, 1, func(k *fakeKafka) {
			to := &sinks{answer: func(call, int) reply { time.Sleep(100 * time.Millisecond); return reply{status: 200} }}
			records, ids := on(0, "r", 20)
			k.produce(records...)
			c := testConfig(to)
			c.Ordered = true
			s := k.start(c)
			time.Sleep(3 * time.Second)
			calls := to.calls()
			if got := to.ids(); !slices.Equal(got, ids) || to.most != 1 {
				t.Errorf("%v, %d in flight", got, to.most)
			}
			for i := 1; i < len(calls); i++ {
				if gap := calls[i].at.Sub(calls[i-1].at); gap < 100*time.Millisecond {
					t.Errorf("%v after the one before", gap)
				}
			}
			k.stop(s)
		})
	})
	t.Run("O02_each_partition_in_order", func(t *testing.T) {
		t.Parallel()
		withKafka(t, 3, func(k *fakeKafka) {
			to := &sinks{answer: func(_ call, n int) reply {
				time.Sleep(time.Duration(n*7919%100) * time.Millisecond)
				return reply{status: 200}
			}}
			want := map[string][]string{}
			for p := range int32(3) {
				records, ids := on(p, string('a'+p), 20)
				k.produce(records...)
				want[string('a'+p)] = ids
			}
			c := testConfig(to)
			c.Ordered = true
			s := k.start(c)
			time.Sleep(4 * time.Second)
			for p, ids := range want {
				got := slices.DeleteFunc(to.ids(), func(id string) bool { return id[:1] != p })
				if !slices.Equal(got, ids) {
					t.Errorf("partition %s came as %v", p, got)
				}
			}
			if to.most != 3 {
				t.Errorf("%d in flight, want 3", to.most)
			}
			k.stop(s)
		})
	})
	t.Run("O03_ordered_also_through_retries", func(t *testing.T) {
		t.Parallel()
		withKafka(t, 1, func(k *fakeKafka) {
			to := &sinks{answer: func(_ call, n int) reply {
				if n == 2 || n == 3 {
					return reply{status: 500}
				}
				return reply{status: 200}
			}}
			records, _ := on(0, "", 3)
			k.produce(records...)
			c := testConfig(to)
			c.Ordered, c.Delivery = true, Delivery{Retry: 3, Delay: time.Second}
			s := k.start(c)
			time.Sleep(4 * time.Second)
			if got := to.ids(); !slices.Equal(got, []string{"0", "1", "1", "1", "2"}) {
				t.Errorf("came as %v", got)
			}
			k.stop(s)
		})
	})
	for id, ordered := range map[string]bool{"O04_ordered_other_partitions_proceed": true, "O06_unordered_all_others_proceed": false} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 2, func(k *fakeKafka) {
				release := make(chan struct{})
				to := &sinks{answer: func(c call, _ int) reply {
					if c.id() == "a0" {
						<-release
					}
					return reply{status: 200}
				}}
				first, _ := on(0, "a", 200)
				second, _ := on(1, "b", 200)
				k.produce(append(first, second...)...)
				c := testConfig(to)
				c.Ordered = ordered
				s := k.start(c)
				settle()
				want := map[bool]int{true: 201, false: 400}[ordered]
				if got := len(to.calls()); got != want {
					t.Errorf("%d came, want %d", got, want)
				}
				close(release)
				settle()
				if got := len(to.calls()); got != 400 {
					t.Errorf("%d came in the end", got)
				}
				k.stop(s)
			})
		})
	}
	t.Run("O07_unordered_fifty_to_99_in_flight", func(t *testing.T) {
		t.Parallel()
		withKafka(t, 2, func(k *fakeKafka) {
			release := make(chan struct{})
			to := &sinks{answer: func(call, int) reply { <-release; return reply{status: 200} }}
			for p := range int32(2) {
				records, _ := on(p, "r", 250)
				k.produce(records...)
			}
			s := k.start(testConfig(to))
			settle()
			if to.most < 50 || to.most > 99 {
				t.Errorf("%d in flight", to.most)
			}
			close(release)
			settle()
			if got := len(to.calls()); got != 500 {
				t.Errorf("%d came in the end", got)
			}
			k.stop(s)
		})
	})
}

// TestBacklog: one blocked partition neither fills the memory nor holds up the
// others, and all of it comes, in order, when it goes on.
func TestBacklog(t *testing.T) {
	t.Parallel()
	withKafka(t, 2, func(k *fakeKafka) {
		release := make(chan struct{})
		to := &sinks{answer: func(c call, _ int) reply {
			if c.id()[:1] == "a" {
				<-release
			}
			return reply{status: 200}
		}}
		first, ids := on(0, "a", 60)
		for _, r := range first {
			r.Value = make([]byte, 100<<10)
		}
		k.produce(first...)
		c := testConfig(to)
		c.Ordered = true
		s := k.start(c)
		settle()
		second, _ := on(1, "b", 1)
		k.produce(second...)
		settle()
		if got := to.ids(); !slices.Equal(got, []string{"a0", "b0"}) {
			t.Errorf("%v came while a0 was blocked", got)
		}
		if got := s.inFlightBytes.Load(); got > queueLimit(2)+1<<20 {
			t.Errorf("%d bytes are queued", got)
		}
		close(release)
		settle()
		got := slices.DeleteFunc(to.ids(), func(id string) bool { return id == "b0" })
		if !slices.Equal(got, ids) {
			t.Errorf("came as %v", got)
		}
		k.stop(s)
		synctest.Wait()
		if s.inFlight.Load() != 0 || s.inFlightBytes.Load() != 0 {
			t.Errorf("%d records, %d bytes are left in flight", s.inFlight.Load(), s.inFlightBytes.Load())
		}
	})
}

// TestQueueLimit: blocked partitions, however many, leave room for the others.
func TestQueueLimit(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		if limit := queueLimit(n); limit*int64(n) > maxBytes/2 || limit < 16<<10 {
			t.Errorf("%d for each of %d", limit, n)
		}
	}
}

// TestBytesInFlight: no more is polled while too many bytes are in flight.
func TestBytesInFlight(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		release := make(chan struct{})
		to := &sinks{answer: func(call, int) reply { <-release; return reply{status: 200} }}
		records, _ := on(0, "r", 60)
		for _, r := range records {
			r.Value = make([]byte, 900<<10)
		}
		k.produce(records...)
		s := k.start(testConfig(to))
		settle()
		if got := s.inFlightBytes.Load(); got < maxBytes || got > maxBytes+8<<20 {
			t.Errorf("%d bytes in flight", got)
		}
		close(release)
		settle()
		if got := len(to.calls()); got != 60 {
			t.Errorf("%d came in the end", got)
		}
		k.stop(s)
	})
}
