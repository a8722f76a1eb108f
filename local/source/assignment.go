package source

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition is the one of the present assignment.
func (s *Source) partition(topic string, number int32) *partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.partitions[topic] == nil {
		s.partitions[topic] = map[int32]*partition{}
	}
	p := s.partitions[topic][number]
	if p == nil {
		p = &partition{topic: topic, number: number, limit: queueLimit(s.owned)}
		s.partitions[topic][number] = p
	}
	return p
}

func (s *Source) allPartitions() []*partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*partition
	for _, numbers := range s.partitions {
		for _, p := range numbers {
			all = append(all, p)
		}
	}
	return all
}

// assigned is called after each rebalance, also when nothing was assigned. All
// partitions were revoked before it.
func (s *Source) assigned(_ context.Context, _ *kgo.Client, which map[string][]int32) {
	s.mu.Lock()
	s.owned = 0
	for _, numbers := range which {
		s.owned += len(numbers)
	}
	s.mu.Unlock()
	for topic, numbers := range which { // for Status, which tells of those without a record, too
		for _, number := range numbers {
			s.partition(topic, number)
		}
	}
	select {
	case <-s.joined:
	default:
		close(s.joined)
	}
}

// revoked drops what is queued of the partitions and commits before another
// member gets them. What is in flight goes on; it comes again at that member.
func (s *Source) revoked(ctx context.Context, client *kgo.Client, which map[string][]int32) {
	gone := s.forget(client, which)
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err := s.commit(ctx, client, gone); err != nil {
		s.config.Log.Warn().Err(err).Msg("some finished records will come again")
	}
}

// lost partitions are another's already, so committing them would fail.
func (s *Source) lost(_ context.Context, client *kgo.Client, which map[string][]int32) {
	s.forget(client, which)
}

func (s *Source) forget(client *kgo.Client, which map[string][]int32) (gone []*partition) {
	for topic, numbers := range which {
		for _, number := range numbers {
			s.mu.Lock()
			p := s.partitions[topic][number]
			delete(s.partitions[topic], number)
			s.mu.Unlock()
			if p != nil {
				records, bytes := p.drop(client)
				s.free(records, bytes)
				gone = append(gone, p)
			}
		}
	}
	return gone
}
