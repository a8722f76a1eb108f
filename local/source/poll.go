package source

import (
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// pollRecords is how many records a poll takes, and, unordered, how many
	// may be in flight when the next one takes more.
	pollRecords  = 50
	mostInFlight = 2*pollRecords - 1
	// maxBytes in flight or queued let the source poll no more.
	maxBytes = 32 << 20
)

// pollLoop takes records and sets off their delivery, until the source is
// stopped. Between a poll and AllowRebalance no partition changes hands, so
// what was polled belongs to the assignment that is known then.
func (s *Source) pollLoop() {
	for s.waitForRoom() {
		fetches := s.client.PollRecords(s.poll, pollRecords)
		if s.poll.Err() == nil {
			fetches.EachError(func(topic string, partition int32, err error) {
				s.config.Log.Warn().Err(err).Str("topic", topic).Int32("partition", partition).Msg("poll")
			})
			fetches.EachPartition(s.take)
		}
		s.client.AllowRebalance()
	}
}

// full is whether no more is to be polled.
func (s *Source) full() bool {
	return s.inFlightBytes.Load() >= maxBytes || (!s.config.Ordered && s.inFlight.Load() >= pollRecords)
}

// waitForRoom is false when the source is stopped.
func (s *Source) waitForRoom() bool {
	for s.full() {
		select {
		case <-s.freed:
		case <-s.poll.Done():
			return false
		}
	}
	return s.poll.Err() == nil
}

func (s *Source) take(f kgo.FetchTopicPartition) {
	if len(f.Records) == 0 {
		return
	}
	p := s.partition(f.Topic, f.Partition)
	p.take(f.Records)
	bytes := int64(0)
	for _, r := range f.Records {
		bytes += weight(r)
	}
	s.inFlight.Add(int64(len(f.Records)))
	s.inFlightBytes.Add(bytes)
	if s.config.Ordered {
		if p.push(s.client, f.Records) {
			s.records.Go(func() { s.workOff(p) })
		}
		return
	}
	for _, r := range f.Records {
		s.handOut(job{p, r})
	}
}

// job is a record to be delivered without regard to others.
type job struct {
	p *partition
	r *kgo.Record
}

// handOut gives a job to a worker that is idle, or to a new one. Workers are kept
// because to a new goroutine every request costs the growing of its stack. There
// are never more than records may be in flight. Only the poller calls it.
func (s *Source) handOut(one job) {
	s.records.Add(1)
	select {
	case s.jobs <- one:
		return
	default:
	}
	if s.workers < mostInFlight {
		s.workers++
		go s.worker(one)
		return
	}
	select {
	case s.jobs <- one:
	case <-s.poll.Done(): // the workers are leaving
		go s.worker(one)
	}
}

func (s *Source) worker(one job) {
	for {
		s.finish(one.p, one.r)
		s.records.Done()
		select {
		case one = <-s.jobs:
		case <-s.poll.Done():
			return
		}
	}
}

// workOff delivers what is queued in p, one after the other.
func (s *Source) workOff(p *partition) {
	for {
		r, ok := p.pop(s.client)
		if !ok {
			return
		}
		s.finish(p, r)
	}
}

func (s *Source) finish(p *partition, r *kgo.Record) {
	if s.deliver(r) {
		p.finish(r.Offset)
	}
	s.free(1, weight(r))
}

// free makes room in flight.
func (s *Source) free(records, bytes int64) {
	s.inFlight.Add(-records)
	s.inFlightBytes.Add(-bytes)
	if s.full() {
		return // whoever makes the room tells: he sees both sums without what left before
	}
	select {
	case s.freed <- struct{}{}:
	default: // the poller has yet to look at an earlier one
	}
}
