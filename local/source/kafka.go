package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/connect"
)

// consumerOpts are those of a KafkaSource's consumer as far as a function or
// another member of the group can tell. Fetches are smaller than there in
// total and larger for a partition, which bounds memory and spares requests;
// metadata is looked at more often, to find new topics and partitions.
func (s *Source) consumerOpts() []kgo.Opt {
	isolation, reset := kgo.ReadCommitted(), kgo.NewOffset().AtStart()
	if s.config.Trigger {
		isolation, reset = kgo.ReadUncommitted(), kgo.NewOffset().AtEnd()
	}
	return append([]kgo.Opt{
		kgo.WithContext(s.line),
		kgo.ConsumerGroup(s.config.Group),
		kgo.ConsumeTopics(s.config.Topics...),
		kgo.Balancers(kgo.StickyBalancer()),
		kgo.SessionTimeout(10 * time.Second),
		kgo.HeartbeatInterval(3 * time.Second),
		kgo.ConsumeResetOffset(reset),
		kgo.FetchIsolationLevel(isolation),
		kgo.FetchMinBytes(1),
		kgo.FetchMaxWait(250 * time.Millisecond),
		kgo.FetchMaxBytes(4 << 20),
		kgo.FetchMaxPartitionBytes(256 << 10),
		kgo.MetadataMaxAge(10 * time.Second),
		kgo.AllowAutoTopicCreation(),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(s.lost),
		// Of a Trigger's replies, which all in-sync replicas acknowledge.
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(1 << 20),
	}, connectionOpts(s.config)...)
}

func connectionOpts(c Config) []kgo.Opt {
	return append([]kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.WithLogger(kafkaLog{c.Log, strings.Join(c.Brokers, ",")}),
	}, c.KafkaOpts...)
}

// knownWithin is how long is waited for what Kafka does not know yet: it answers
// so for a moment after a topic was made, and while a broker starts.
const knownWithin = 10 * time.Second

// CommitEnds commits the end of each partition for which the group has no
// commit. Without it records that are written before the first commit would be
// missed, or older ones delivered, after a restart. A topic that is not there
// is waited for, at most 10 s, and then left out by a KafkaSource, for which all
// its records are newer; a Trigger would begin at its end, so that it is an
// error. Start does it with Latest; by itself it is what happens to a source
// that has no consumer for now.
func CommitEnds(ctx context.Context, c Config) error {
	client, err := kgo.NewClient(append(connectionOpts(c), kgo.MetadataMinAge(100*time.Millisecond))...) // or it would repeat what it heard
	if err != nil {
		return err
	}
	defer client.Close()
	for limit := time.Now().Add(knownWithin); ; {
		late := time.Now().After(limit)
		err := commitEnds(ctx, kadm.NewClient(client), c, late && !c.Trigger)
		if err == nil || late || !kerr.IsRetriable(err) {
			return err
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

func commitEnds(ctx context.Context, admin *kadm.Client, c Config, leaveOut bool) error {
	ends, err := admin.ListEndOffsets(ctx, c.Topics...)
	if err != nil {
		return err
	}
	commits, err := admin.FetchOffsets(ctx, c.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return err
	}
	err = nil
	missing := kadm.Offsets{}
	ends.Each(func(end kadm.ListedOffset) {
		commit, ok := commits.Lookup(end.Topic, end.Partition)
		switch {
		case ok && commit.At >= 0, leaveOut && errors.Is(end.Err, kerr.UnknownTopicOrPartition):
		case end.Err != nil:
			err = errors.Join(err, fmt.Errorf("topic %s: %w", end.Topic, end.Err))
		default:
			missing.AddOffset(end.Topic, end.Partition, end.Offset, -1)
		}
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	answers, err := admin.CommitOffsets(ctx, c.Group, missing)
	return errors.Join(err, answers.Error())
}

// kafkaLog hands what is worth reading of kgo's log on, with the likely cause
// where Kafka at an address cannot be used.
type kafkaLog struct {
	to      zerolog.Logger
	address string
}

// Level is from where on kgo logs.
func (kafkaLog) Level() kgo.LogLevel { return kgo.LogLevelWarn }

// Log writes one line of kgo's.
func (l kafkaLog) Log(level kgo.LogLevel, message string, keyvals ...any) {
	line := l.to.Warn()
	if level == kgo.LogLevelError {
		line = l.to.Error()
	}
	keyvals = slices.Clone(keyvals)
	for i, value := range keyvals {
		if err, ok := value.(error); ok && strings.HasPrefix(message, "unable to") {
			keyvals[i] = connect.Unreachable("Kafka", l.address, err)
		}
	}
	line.Fields(keyvals).Msg(message)
}
