package source

import (
	"context"
	"fmt"
	"time"
)

const (
	// stallAfter is how long a partition may stand still before that is said.
	stallAfter = time.Minute
	// watchInterval is how often it is looked at.
	watchInterval = 15 * time.Second
)

// watchLoop says of a partition that it does not move although it could, and
// that it moves again. A KafkaSource never does, and a consumer that hangs looks
// as one that has nothing to do.
func (s *Source) watchLoop() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.watch()
		case <-s.poll.Done():
			return
		}
	}
}

func (s *Source) watch() {
	ctx, cancel := context.WithTimeout(s.poll, watchInterval)
	defer cancel()
	ends, _, err := s.askKafka(ctx)
	if err != nil {
		return // the client's own log says so
	}
	oldest := s.oldest()
	for _, p := range s.allPartitions() {
		end, ok := ends.Lookup(p.topic, p.number)
		if !ok || end.Err != nil {
			continue
		}
		before, now := p.look(end.Offset, oldest[place{p.topic, p.number}], s.gate.closed.Load())
		line := s.config.Log.Warn().Str("topic", p.topic).Int32("partition", p.number)
		switch {
		case before == "" && now != "":
			line.Msg("partition stands still: " + now)
		case before != "" && now == "":
			line.Msg("partition moves again")
		}
	}
}

type place struct {
	topic     string
	partition int32
}

// oldest is the event that is in flight longest in each partition.
func (s *Source) oldest() map[place]Flight {
	all := map[place]Flight{}
	for _, f := range s.flights.list() {
		if _, ok := all[place{f.Topic, f.Partition}]; !ok {
			all[place{f.Topic, f.Partition}] = f
		}
	}
	return all
}

// look compares the partition with how it was, and returns what was said of it
// and what is to be said now: nothing, or why it stands still. A pause is no
// fault, and neither is an end that does not move: markers of transactions are
// never received.
func (p *partition) look(end int64, oldest Flight, paused bool) (before, now string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before = p.stalled
	position := p.lowest()
	held := len(p.taken) > 0
	if p.movedAt.IsZero() || position != p.watched || paused || (!held && end == p.watchedEnd) {
		p.watched, p.watchedEnd, p.movedAt, p.stalled = position, end, time.Now(), ""
		return before, ""
	}
	if time.Since(p.movedAt) < stallAfter {
		return before, before
	}
	switch {
	case !held:
		now = fmt.Sprintf("records up to %d were written, and none was received", end)
	case oldest.Taken.IsZero():
		now = fmt.Sprintf("offset %d waits for its turn", position)
	default:
		now = fmt.Sprintf("event %s at offset %d is %s after %d attempts", oldest.Event, oldest.Offset, oldest.State, len(oldest.Attempts))
	}
	p.stalled = now
	return before, now
}
