package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	commitInterval = 5 * time.Second
	commitTimeout  = 5 * time.Second
)

// commitLoop commits what moved, from time to time. What fails is tried again
// the next time.
func (s *Source) commitLoop() {
	tick := time.NewTicker(commitInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.poll.Done():
			return
		}
		ctx, cancel := context.WithTimeout(s.work, commitTimeout)
		if err := s.commit(ctx, s.client, s.allPartitions()); err != nil {
			s.config.Log.Warn().Err(err).Msg("will be tried again")
		}
		cancel()
	}
}

// commit tells Kafka the positions that moved, and waits for it.
func (s *Source) commit(ctx context.Context, client *kgo.Client, partitions []*partition) error {
	s.commits.Lock()
	defer s.commits.Unlock()
	offsets := map[string]map[int32]kgo.EpochOffset{}
	moved := map[string]map[int32]*partition{}
	for _, p := range partitions {
		offset, ok := p.position()
		if !ok {
			continue
		}
		if moved[p.topic] == nil {
			offsets[p.topic] = map[int32]kgo.EpochOffset{}
			moved[p.topic] = map[int32]*partition{}
		}
		offsets[p.topic][p.number] = kgo.EpochOffset{Epoch: -1, Offset: offset}
		moved[p.topic][p.number] = p
	}
	if len(moved) == 0 {
		return nil
	}
	var failed error
	client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, request *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
		if err != nil {
			failed = fmt.Errorf("commit: %w", err)
			return
		}
		failed = answered(request, answer, moved)
	})
	return failed
}

// answered notes what Kafka has now. In newer answers topics have ids, for which
// kgo puts their names only while the assignment lasts in which it asked.
func answered(request *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, moved map[string]map[int32]*partition) (failed error) {
	for _, asked := range request.Topics {
		for _, topic := range answer.Topics {
			if topic.Topic != asked.Topic && (topic.Topic != "" || topic.TopicID != asked.TopicID) {
				continue
			}
			for _, of := range topic.Partitions {
				i := slices.IndexFunc(asked.Partitions, func(p kmsg.OffsetCommitRequestTopicPartition) bool { return p.Partition == of.Partition })
				if err := kerr.ErrorForCode(of.ErrorCode); err != nil {
					failed = errors.Join(failed, fmt.Errorf("commit %s/%d: %w", asked.Topic, of.Partition, err))
				} else if i >= 0 {
					moved[asked.Topic][of.Partition].setCommitted(asked.Partitions[i].Offset)
				}
			}
		}
	}
	return failed
}
