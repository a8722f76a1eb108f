package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a Kafka answers for a while after a topic was made, or while it starts,
// does not keep the ends from being committed: without them a Trigger begins
// behind what was written before its first fetch.
func TestCommitEnds_waits_for_kafka(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]kfake.Fault{
		"topic_not_known_yet":                {Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition},
		"no_leader_yet":                      {Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.LeaderNotAvailable},
		"partition_not_known_yet":            {Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.UnknownTopicOrPartition},
		"other_leader":                       {Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.NotLeaderForPartition},
		"no_coordinator_yet":                 {Keys: []kmsg.Key{kmsg.FindCoordinator}, Err: kerr.CoordinatorNotAvailable},
		"other_coordinator_of_fetch":         {Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.NotCoordinator},
		"coordinator_loads":                  {Keys: []kmsg.Key{kmsg.OffsetFetch}, Group: "g", Err: kerr.CoordinatorLoadInProgress},
		"other_coordinator_of_commit":        {Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: "g", Err: kerr.NotCoordinator},
		"topic_not_known_to_the_coordinator": {Keys: []kmsg.Key{kmsg.OffsetCommit}, Topic: "t", Err: kerr.UnknownTopicOrPartition},
	} {
		for _, trigger := range []bool{false, true} {
			t.Run(name+map[bool]string{false: "_source", true: "_trigger"}[trigger], func(t *testing.T) {
				t.Parallel()
				withKafka(t, 2, func(k *fakeKafka) {
					k.produce(values(3)...)
					four := fault
					four.Count = 4
					handle := k.cluster.Fault(four)
					c := testConfig(&sinks{})
					c.Trigger, c.KafkaOpts = trigger, []kgo.Opt{kgo.Dialer(k.net.DialContext)}
					if err := CommitEnds(k.Context(), c); err != nil {
						k.Fatal(err)
					}
					if handle.Hits() != 4 {
						k.Errorf("Kafka answered so %d times", handle.Hits())
					}
					k.wantCommitted(0, 3)
					k.wantCommitted(1, 0)
				})
			})
		}
	}
}

// A topic that is not there is left out by a KafkaSource, which begins such a one
// at its beginning. A Trigger would begin at its end, and so is refused.
func TestCommitEnds_without_the_topic(t *testing.T) {
	t.Parallel()
	for _, trigger := range []bool{false, true} {
		withKafka(t, 1, func(k *fakeKafka) {
			k.produce(values(3)...)
			c := testConfig(&sinks{})
			c.Topics, c.Trigger, c.KafkaOpts = []string{"t", "not-there"}, trigger, []kgo.Opt{kgo.Dialer(k.net.DialContext)}
			err := CommitEnds(k.Context(), c)
			if !trigger {
				if err != nil {
					k.Error(err)
				}
				k.wantCommitted(0, 3)
				return
			}
			if !errors.Is(err, kerr.UnknownTopicOrPartition) || !strings.Contains(err.Error(), "not-there") {
				k.Errorf("%v, want the topic that is not there", err)
			}
		})
	}
}
