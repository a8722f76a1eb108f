package source

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestInitialOffset is C14 and C15.
func TestInitialOffset(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		latest bool
		want   []string
	}{
		"C14_earliest": {false, []string{"a0", "a1", "b0", "c0"}}, "C15_latest": {true, []string{"b0", "c0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 2, func(k *fakeKafka) {
				to := &sinks{}
				c := testConfig(to)
				c.Ordered, c.Latest, c.Topics = true, tc.latest, []string{"t", "not-there"}
				before, _ := on(0, "a", 2)
				k.produce(before...)
				s := k.start(c)
				if tc.latest {
					k.wantCommitted(0, 2)
					k.wantCommitted(1, 0)
				}
				after, _ := on(0, "b", 1)
				k.produce(after...)
				settle()
				k.crash(s) // before it could commit
				after, _ = on(1, "c", 1)
				k.produce(after...)
				s = k.start(c)
				time.Sleep(15 * time.Second)
				got := to.ids()
				slices.Sort(got)
				if got = slices.Compact(got); !slices.Equal(got, tc.want) {
					k.Errorf("%v came, want %v", got, tc.want)
				}
				k.stop(s)
			})
		})
	}
}

// TestRebalance is C13: a second member takes over while records are in
// flight. Nothing is missing, and only what was in flight comes twice.
func TestRebalance(t *testing.T) {
	t.Parallel()
	for _, ordered := range []bool{false, true} {
		t.Run(fmt.Sprintf("C13_ordered_%v", ordered), func(t *testing.T) {
			t.Parallel()
			withKafka(t, 4, func(k *fakeKafka) {
				to := &sinks{answer: func(call call, n int) reply {
					if call.id() == "a5" {
						time.Sleep(20 * time.Second)
					}
					return reply{status: 200}
				}}
				c := testConfig(to)
				c.Ordered = ordered
				want := map[string]bool{}
				for p := range int32(4) {
					records, ids := on(p, string('a'+p), 10)
					k.produce(records...)
					for _, id := range ids {
						want[id] = true
					}
				}
				one := k.start(c)
				settle()
				two := k.start(c)
				time.Sleep(30 * time.Second)
				if group, err := kadm.NewClient(k.client).DescribeGroups(k.Context(), "g"); err != nil || group["g"].Protocol != "sticky" {
					k.Errorf("protocol %q: %v", group["g"].Protocol, err)
				}
				for _, member := range k.cluster.GroupInfo("g").Members {
					if member.NumAssigned() != 2 {
						k.Errorf("a member has %d partitions", member.NumAssigned())
					}
				}
				times := map[string]int{}
				for _, id := range to.ids() {
					times[id]++
					delete(want, id)
				}
				for id, n := range times {
					again := id == "a5" || !ordered && id > "a5" && id < "b"
					if n > 2 || n == 2 && !again {
						k.Errorf("%s came %d times", id, n)
					}
				}
				if len(want) > 0 {
					k.Errorf("missing: %v", want)
				}
				k.stop(one)
				k.stop(two)
				for p := range int32(4) {
					k.wantCommitted(p, 10)
				}
			})
		})
	}
}

// TestTransactions is R34 and R35: control records and aborted ones are not
// delivered, and do not hold up the position.
func TestTransactions(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		writer := k.newClient(kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer writer.Close()
		records, ids := on(0, "r", 3)
		for i, end := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
			records[i].Topic = "t"
			if err := writer.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := writer.ProduceSync(k.Context(), records[i]).FirstErr(); err != nil {
				k.Fatal(err)
			}
			if err := writer.EndTransaction(k.Context(), end); err != nil {
				k.Fatal(err)
			}
		}
		to := &sinks{}
		c := testConfig(to)
		c.Ordered = true
		s := k.start(c)
		settle()
		if got := to.ids(); !slices.Equal(got, []string{ids[0], ids[2]}) {
			k.Errorf("%v came", got)
		}
		k.stop(s)
		ends, err := kadm.NewClient(k.client).ListEndOffsets(k.Context(), "t")
		if err != nil {
			k.Fatal(err)
		}
		if end, _ := ends.Lookup("t", 0); end.Offset-k.committed(0) != 1 {
			k.Errorf("the group is at %d of %d, want a lag of 1", k.committed(0), end.Offset)
		}
	})
}

// TestTopics is R36, and a topic and a partition that are made later.
func TestTopics(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to := &sinks{}
		c := testConfig(to)
		c.Topics = []string{"t", "later"}
		s := k.start(c)
		k.produce(&kgo.Record{Value: []byte("x")})
		settle()
		if err := k.cluster.CreateTopic("later", 1, nil); err != nil {
			k.Fatal(err)
		}
		k.produce(&kgo.Record{Topic: "later", Value: []byte("y")})
		time.Sleep(20 * time.Second)
		if _, err := kadm.NewClient(k.client).CreatePartitions(k.Context(), 1, "later"); err != nil {
			k.Fatal(err)
		}
		k.client.ForceMetadataRefresh()
		time.Sleep(10 * time.Second)
		k.produce(&kgo.Record{Topic: "later", Partition: 1, Value: []byte("z")})
		time.Sleep(10 * time.Second)
		var sources []string
		for _, call := range to.calls() {
			sources = append(sources, call.header["ce-source"][0])
		}
		if want := []string{"/apis/v1/namespaces/shop/kafkasources/orders#t", "/apis/v1/namespaces/shop/kafkasources/orders#later", "/apis/v1/namespaces/shop/kafkasources/orders#later"}; !slices.Equal(sources, want) {
			k.Errorf("%v, want %v", sources, want)
		}
		k.stop(s)
	})
}

// TestStartWithoutKafka: the context of Start is what ends it.
func TestStartWithoutKafka(t *testing.T) {
	t.Parallel()
	for _, latest := range []bool{false, true} {
		withKafka(t, 1, func(k *fakeKafka) {
			c := testConfig(&sinks{})
			c.Brokers, c.Latest = []string{"localhost:1"}, latest
			c.KafkaOpts = []kgo.Opt{kgo.Dialer(k.net.DialContext)}
			ctx, cancel := context.WithTimeout(k.Context(), 3*time.Second)
			defer cancel()
			if s, err := Start(ctx, c); err == nil || s != nil {
				k.Errorf("started: %v", err)
			}
		})
	}
}
