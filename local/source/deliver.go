package source

import (
	"errors"
	"net/http"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// deliver sees one record through to its fate. It reports false if the source
// was stopped before that: the record stays uncommitted and comes again.
func (s *Source) deliver(r *kgo.Record) bool {
	e := s.toEvent(r)
	h, illegal := s.headers(e)
	continueTrace(r, h)
	d := Delivered{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Event: e.get("id"), Source: e.get("source"), Type: e.get("type"),
		Taken: time.Now(), Attempts: make([]Attempt, 0, 1), Fate: Done,
	}
	last, ok := answer{}, true
	if illegal == "" {
		last, ok = s.send(s.sink, h, e.data, &d)
	} else {
		last.err = errors.New("attribute " + illegal + " has a control character: not sent")
		d.Attempts = append(d.Attempts, attempted(s.sink, 0, 0, last))
	}
	if !ok {
		return false
	}
	if !last.accepted() && !s.bury(e, h, last, &d) {
		return false
	}
	if s.config.Observe != nil {
		s.config.Observe(d)
	}
	return true
}

// bury sends an event that failed to the dead letter sink, if there is one.
// Whatever comes of it, the record is done with, unless the source was stopped.
func (s *Source) bury(e *event, h http.Header, last answer, d *Delivered) bool {
	d.Fate = Lost
	if s.dead != nil {
		dead := s.deadLetter(e, last)
		buried, _ := s.headers(dead)
		sameTrace(buried, h)
		answered, ok := s.send(s.dead, buried, dead.data, d)
		if !ok {
			return false
		}
		if answered.accepted() {
			d.Fate = DeadLetter
		}
	}
	s.config.Log.Error().Err(last.err).Str("topic", d.Topic).Int32("partition", d.Partition).
		Int64("offset", d.Offset).Str("event", d.Event).Str("type", d.Type).
		Int("status", last.status).Int("attempts", len(d.Attempts)).Str("fate", d.Fate).
		Msg("event not delivered")
	return true
}
