package source

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	all := Range{Partition: -1}
	for name, tc := range map[string]struct {
		which func(middle time.Time) Range
		want  []string
	}{
		"beginning": {func(time.Time) Range { return all }, []string{"a0", "a1", "a2", "b0", "b1", "b2"}},
		"offset":    {func(time.Time) Range { r := all; r.From = 2; return r }, []string{"a2", "b2"}},
		"past_end":  {func(time.Time) Range { r := all; r.From = 9; return r }, nil},
		"time":      {func(m time.Time) Range { r := all; r.Since = m; return r }, []string{"b0", "b1", "b2"}},
		"later":     {func(m time.Time) Range { r := all; r.Since = m.Add(time.Hour); return r }, nil},
		"until":     {func(time.Time) Range { r := all; r.From, r.Until = 1, 2; return r }, []string{"a1", "b1"}},
		"before":    {func(m time.Time) Range { r := all; r.Before = m; return r }, []string{"a0", "a1", "a2"}},
		"all_older": {func(m time.Time) Range { r := all; r.Before = m.Add(time.Hour); return r }, []string{"a0", "a1", "a2", "b0", "b1", "b2"}},
		"partition": {func(time.Time) Range { return Range{Partition: 1} }, []string{"b0", "b1", "b2"}},
		"event":     {func(time.Time) Range { r := all; r.Event = "b1"; return r }, []string{"b1"}},
		"topic":     {func(time.Time) Range { return Range{Partition: -1, Topic: "other"} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 2, func(k *fakeKafka) {
				first, _ := on(0, "a", 3)
				second, _ := on(1, "b", 3)
				k.produce(first...)
				time.Sleep(time.Minute)
				middle := time.Now()
				k.produce(second...)
				to, seen := &sinks{}, &fates{}
				behind, of, err := k.replay(k.Context(), to, seen, tc.which(middle))
				got := to.ids()
				if slices.Sort(got); err != nil || !slices.Equal(got, tc.want) || behind != of {
					t.Errorf("%v came, want %v; %d of %d, %v", got, tc.want, behind, of, err)
				}
				if len(seen.all) != len(tc.want) {
					t.Errorf("%d observed", len(seen.all))
				}
				k.wantCommitted(0, -1)
			})
		})
	}
}

func (k *fakeKafka) replay(ctx context.Context, to *sinks, seen *fates, which Range) (behind, of int64, err error) {
	c := testConfig(to)
	c.Ordered, c.Observe = true, seen.add
	c.KafkaOpts = []kgo.Opt{kgo.Dialer(k.net.DialContext)}
	err = Replay(ctx, c, which, func(b, a int64) { behind, of = b, a })
	return behind, of, err
}

// Markers of transactions, aborted records and what is written meanwhile neither
// come nor keep a replay from ending.
func TestReplay_ends_at_the_end_of_then(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		writer := k.newClient(kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer writer.Close()
		records, ids := on(0, "r", 2)
		for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			records[i].Topic = "t"
			if err := errors.Join(writer.BeginTransaction(), writer.ProduceSync(k.Context(), records[i]).FirstErr(),
				writer.EndTransaction(k.Context(), end)); err != nil {
				t.Error(err)
			}
		}
		to := &sinks{answer: func(call, int) reply {
			more, _ := on(0, "more", 1)
			k.produce(more...)
			return reply{status: 200}
		}}
		if _, _, err := k.replay(k.Context(), to, &fates{}, Range{Partition: -1}); err != nil || !slices.Equal(to.ids(), ids[:1]) {
			t.Errorf("%v came, %v", to.ids(), err)
		}
	})
}

func TestReplay_that_is_given_up(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		records, _ := on(0, "r", 3)
		k.produce(records...)
		to := &sinks{answer: func(c call, _ int) reply { return c.hang() }}
		ctx, cancel := context.WithTimeout(k.Context(), time.Second)
		defer cancel()
		if _, _, err := k.replay(ctx, to, &fates{}, Range{Partition: -1}); !errors.Is(err, context.DeadlineExceeded) || len(to.calls()) != 1 {
			t.Errorf("%d calls, %v", len(to.calls()), err)
		}
	})
}
