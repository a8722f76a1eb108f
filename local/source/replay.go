package source

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Range is which records are delivered again.
type Range struct {
	// From is the first offset of each partition, or, unless Since is zero, the
	// first record that is not older. What is before the beginning begins there.
	From  int64
	Since time.Time
	// Until is the offset of each partition before which it ends, or, unless
	// Before is zero, the first record that is not older is the first one left
	// out. Zero, and what is behind the end of the log as it began, is that end.
	Until  int64
	Before time.Time
	// Topic, unless empty, and Partition, unless negative, are the only ones.
	Topic     string
	Partition int32
	// Event, unless empty, is the id of the only events.
	Event string
}

// Replay delivers records again to c's sink, by the same rules as a source, and
// returns when all that were there when it began are done with. It joins no
// group, so that no commit moves, and writes to no topic, but for what a Trigger
// publishes. Progress is called now and then with the offsets that are behind it
// and all there are. A replay that ctx ends returns its error; what it delivered
// until then stays so.
func Replay(ctx context.Context, c Config, which Range, progress func(behind, all int64)) error {
	s, err := newSource(c)
	if err != nil {
		return fmt.Errorf("replay to %s: %w", c.Name, err)
	}
	left, err := s.find(ctx, which)
	if err != nil {
		return fmt.Errorf("replay to %s: find where to begin: %w", c.Name, err)
	}
	if left.offsets() > 0 {
		err = s.replay(ctx, which, left, progress)
	}
	s.giveUp()
	if err != nil {
		return fmt.Errorf("replay to %s: %w", c.Name, err)
	}
	return nil
}

// spans are what is left of each partition.
type spans map[string]map[int32]*span

type span struct{ next, end int64 }

func (sp spans) offsets() (n int64) {
	for _, numbers := range sp {
		for _, one := range numbers {
			n += max(0, one.end-one.next)
		}
	}
	return n
}

// find asks Kafka for where each partition begins and ends.
func (s *Source) find(ctx context.Context, which Range) (spans, error) {
	client, err := kgo.NewClient(connectionOpts(s.config)...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	list := admin.ListStartOffsets
	if !which.Since.IsZero() {
		list = func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return admin.ListOffsetsAfterMilli(ctx, which.Since.UnixMilli(), topics...)
		}
	}
	starts, err := list(ctx, s.config.Topics...)
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListEndOffsets(ctx, s.config.Topics...)
	if err != nil {
		return nil, err
	}
	if !which.Before.IsZero() {
		if ends, err = admin.ListOffsetsAfterMilli(ctx, which.Before.UnixMilli(), s.config.Topics...); err != nil { // the end where all are older
			return nil, err
		}
	}
	all := spans{}
	starts.Each(func(start kadm.ListedOffset) {
		end, _ := ends.Lookup(start.Topic, start.Partition)
		begin, until := start.Offset, end.Offset
		if which.Since.IsZero() {
			begin = max(begin, which.From)
		}
		if which.Before.IsZero() && which.Until > 0 {
			until = min(until, which.Until)
		}
		if err == nil && (start.Err != nil || end.Err != nil) {
			err = fmt.Errorf("%s/%d: %w", start.Topic, start.Partition, cmp.Or(start.Err, end.Err))
		}
		if which.takes(start.Topic, start.Partition) && begin < until {
			if all[start.Topic] == nil {
				all[start.Topic] = map[int32]*span{}
			}
			all[start.Topic][start.Partition] = &span{begin, until}
		}
	})
	return all, err
}

func (w Range) takes(topic string, partition int32) bool {
	return (w.Topic == "" || w.Topic == topic) && (w.Partition < 0 || w.Partition == partition)
}

// replay reads until nothing is left, and waits for what it delivers.
func (s *Source) replay(ctx context.Context, which Range, left spans, progress func(behind, all int64)) (err error) {
	if s.client, err = kgo.NewClient(s.replayOpts(left)...); err != nil {
		return err
	}
	defer s.client.CloseAllowingRebalance()
	defer context.AfterFunc(ctx, s.giveUp)()
	defer s.stopPoll()
	unhurried := context.AfterFunc(ctx, s.stopPoll)
	defer unhurried()
	for all := left.offsets(); left.offsets() > 0 && s.waitForRoom(); {
		fetches := s.client.PollRecords(s.poll, pollRecords)
		fetches.EachError(func(topic string, partition int32, e error) {
			if s.poll.Err() == nil {
				err = fmt.Errorf("read %s/%d: %w", topic, partition, e)
			}
		})
		if err != nil {
			s.giveUp()
			break
		}
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) > 0 {
				f.Records = left.keep(f, s, which)
				s.take(f)
			}
		})
		progress(all-left.offsets(), all)
	}
	s.records.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// keep moves on in the partition, and leaves the records that are wanted.
func (sp spans) keep(f kgo.FetchTopicPartition, s *Source, which Range) (wanted []*kgo.Record) {
	one := sp[f.Topic][f.Partition]
	for _, r := range f.Records {
		if r.Offset >= one.end {
			break
		}
		one.next = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		if which.Event != "" {
			if e, ok := s.toEvent(r); !ok || e.get("id") != which.Event {
				continue
			}
		}
		wanted = append(wanted, r)
	}
	if n := len(f.Records); one.next < one.end && f.Records[n-1].Offset >= one.end {
		one.next = one.end // the rest was compacted away
	}
	return wanted
}

// replayOpts read the spans and no more, markers of transactions included, or
// the end of a partition might never be seen.
func (s *Source) replayOpts(left spans) []kgo.Opt {
	begin := map[string]map[int32]kgo.Offset{}
	for topic, numbers := range left {
		begin[topic] = map[int32]kgo.Offset{}
		for number, one := range numbers {
			begin[topic][number] = kgo.NewOffset().At(one.next)
		}
	}
	isolation := kgo.ReadCommitted()
	if s.config.Trigger {
		isolation = kgo.ReadUncommitted()
	}
	return append([]kgo.Opt{
		kgo.ConsumePartitions(begin), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(isolation),
		kgo.FetchMaxWait(250 * time.Millisecond), kgo.FetchMaxBytes(4 << 20), kgo.FetchMaxPartitionBytes(256 << 10),
		kgo.ProducerLinger(0),
	}, connectionOpts(s.config)...)
}
