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
	f := s.flights.begin(r)
	defer s.flights.end(f)
	fate, clause, ok := s.decide(r, f)
	if !ok {
		return false
	}
	f.mu.Lock()
	f.d.Fate, f.d.Clause, f.d.Ended = fate, clause, time.Now()
	f.mu.Unlock()
	if s.config.Observe != nil {
		s.config.Observe(f.d)
	}
	return true
}

// decide brings about the record's fate, and tells the clause that filtered it.
func (s *Source) decide(r *kgo.Record, f *flight) (fate, clause string, ok bool) {
	e, ok := s.toEvent(r)
	if !ok {
		s.config.Log.Warn().Str("topic", r.Topic).Int32("partition", r.Partition).Int64("offset", r.Offset).
			Msg("not a CloudEvent: discarded, as a Trigger does")
		return Discarded, "", true
	}
	f.tell(e, r)
	if pass, clause := s.pass(e); !pass {
		return Filtered, clause, true
	}
	fate, ok = s.sendAll(e, r, f)
	return fate, "", ok
}

// tell notes which event the record is.
func (f *flight) tell(e *event, r *kgo.Record) {
	trace := e.get("traceparent")
	if trace == "" {
		trace = traceOf(r)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.d.Event, f.d.Source, f.d.Type = e.get("id"), e.get("source"), e.get("type")
	f.d.Trace, f.d.Cause = trace, e.get("causationid")
}

// pass asks the filter, if there is one.
func (s *Source) pass(e *event) (ok bool, clause string) {
	if s.config.Filter == nil {
		return true, ""
	}
	attributes := make(map[string]string, len(e.attributes))
	for _, a := range e.attributes {
		attributes[a.name] = a.value
	}
	return s.config.Filter(attributes)
}

// sendAll sends the event to the sink and, if that fails, to the dead letter
// sink.
func (s *Source) sendAll(e *event, r *kgo.Record, f *flight) (fate string, ok bool) {
	h, illegal := s.headers(e)
	continueTrace(r, h)
	last, ok := answer{}, true
	if illegal == "" {
		last, ok = s.send(s.sink, h, e.data, f)
	} else {
		last.err = errors.New("attribute " + illegal + " has a control character: not sent")
		f.note(attempted(s.sink, 0, 0, last))
	}
	if ok && last.accepted() {
		last = s.reply(last, f)
	}
	if !ok || last.accepted() {
		return Done, ok
	}
	return s.bury(e, h, last, f)
}

// bury sends an event that failed to the dead letter sink, if there is one.
// Whatever comes of it, the record is done with, unless the source was stopped.
func (s *Source) bury(e *event, h http.Header, last answer, f *flight) (fate string, ok bool) {
	fate = Lost
	if s.dead != nil {
		dead := s.deadLetter(e, last)
		buried, _ := s.headers(dead)
		sameTrace(buried, h)
		answered, ok := s.send(s.dead, buried, dead.data, f)
		if !ok {
			return "", false
		}
		if answered.accepted() && s.reply(answered, f).accepted() {
			fate = DeadLetter
		}
	}
	s.config.Log.Error().Err(last.err).Str("topic", f.d.Topic).Int32("partition", f.d.Partition).
		Int64("offset", f.d.Offset).Str("event", f.d.Event).Str("type", f.d.Type).
		Int("status", last.status).Int("attempts", len(f.d.Attempts)).Str("fate", fate).
		Msg("event not delivered")
	return fate, true
}
