package source

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Read calls each with the records of c's Topics that are there when it begins
// and that the range takes, in the order of each partition, until it returns
// false. It joins no group and writes nothing; progress is as in [Replay]. Of c
// only what says how Kafka is reached and how events are made is needed.
func Read(ctx context.Context, c Config, which Range, each func(*kgo.Record) (more bool), progress func(behind, all int64)) error {
	s := converter(c)
	left, err := s.find(ctx, which)
	if err != nil {
		return fmt.Errorf("find where to begin in %v: %w", c.Topics, err)
	}
	all := left.offsets()
	if all == 0 {
		return nil
	}
	client, err := kgo.NewClient(s.replayOpts(left)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for more := true; more && left.offsets() > 0; progress(all-left.offsets(), all) {
		fetches := client.PollRecords(ctx, pollRecords)
		if err := ctx.Err(); err != nil {
			return err
		}
		fetches.EachError(func(topic string, partition int32, e error) {
			err = fmt.Errorf("read %s/%d: %w", topic, partition, e)
		})
		if err != nil {
			return err
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) == 0 {
				return
			}
			for _, r := range left.keep(f, s, which) {
				more = more && each(r)
			}
		})
	}
	return nil
}
