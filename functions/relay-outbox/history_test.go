package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// Whatever fails between SQL and Kafka, and in whatever order rows commit, each is
// in Kafka when it is gone, as it was written, and none stays or is made up.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(topic), kgo.DisableIdempotentWrite(), kgo.MaxBufferedRecords(10_000))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(kafka.Close)
		var refuses atomic.Bool
		cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			return refusal(request.(*kmsg.ProduceRequest)), nil, refuses.Load()
		})
		h := handler{&shared.Outbox{Kafka: kafka, DB: flaky.DB}}
		eventtest.Seeds(t, 120, func(t *testing.T, r *rand.Rand) {
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM outbox`); err != nil {
				t.Fatal(err)
			}
			var want []string
			ids := r.Perm(16) // in the order in which they were made, which is not that of the commits
			for ticks, done := 0, false; !done; ticks++ {
				if ticks == 200 {
					t.Fatalf("after %d ticks it still relays, or fails", ticks)
				}
				if len(want) < 12 {
					for range r.IntN(5) {
						id := fmt.Sprintf("%03d", ids[len(want)])
						insert(t, s.DB, id, topic, -time.Second)
						want = append(want, id)
					}
				}
				faults.Fail(r.IntN(6), r.IntN(2) == 0)
				refuses.Store(r.IntN(3) == 0)
				err := h.handle(t.Context(), eventtest.Load(t, "tick.json"))
				faults.Fail(-1, false)
				done = err == nil && len(want) >= 4
				if got := eventtest.Fate(err); got == "dead letter" {
					t.Fatalf("given up: %v", err)
				}
				if _, err := s.DB.ExecContext(t.Context(), `UPDATE outbox SET not_before_ms = 0`); err != nil { // the lease of what failed ends
					t.Fatal(err)
				}
			}
			refuses.Store(false)
			if err := h.handle(t.Context(), eventtest.Load(t, "tick.json")); err != nil {
				t.Fatal(err)
			}

			wantIDs(t, "left", left(t, s.DB), nil)
			got := slices.Sorted(slices.Values(published(t, kafka)))
			slices.Sort(want)
			wantIDs(t, "sent", slices.Compact(got), want)
		})
	})
}

// refusal is Kafka's answer to in that it takes none of it.
func refusal(in *kmsg.ProduceRequest) kmsg.Response {
	out := in.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range in.Topics {
		refused := kmsg.NewProduceResponseTopic()
		refused.Topic, refused.TopicID = topic.Topic, topic.TopicID
		for _, partition := range topic.Partitions {
			one := kmsg.NewProduceResponseTopicPartition()
			one.Partition, one.ErrorCode = partition.Partition, kerr.InvalidRecord.Code
			refused.Partitions = append(refused.Partitions, one)
		}
		out.Topics = append(out.Topics, refused)
	}
	return out
}
