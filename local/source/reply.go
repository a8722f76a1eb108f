package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// keptReply is how much of an accepted answer a Trigger reads: a record of
// Kafka's usual limit, and room for what it is wrapped in.
const keptReply = 1<<20 + 64<<10

var errNoEvent = errors.New("the answer is not empty and no CloudEvent, which a Trigger takes for a failure")

// reply publishes the event that a subscriber of a Trigger answered with, to the
// topic that the Trigger reads. The answer that comes back is accepted only if
// there was nothing to publish or Kafka has it; else no further attempt follows.
// A KafkaSource looks at no reply.
func (s *Source) reply(got answer, f *flight) answer {
	if !s.config.Trigger {
		return got
	}
	e, ok := replied(got)
	if !ok && len(got.body) == 0 {
		return got
	}
	err := errNoEvent
	if ok {
		err = s.publish(e)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.d.Attempts[len(f.d.Attempts)-1].Err = err.Error()
		return answer{err: err}
	}
	f.d.Reply = &Reply{ID: e.get("id"), Source: e.get("source"), Type: e.get("type")}
	return got
}

// replied is the event that an answer is, if it is one.
func replied(got answer) (*event, bool) {
	contentType, _, _ := strings.Cut(got.header.Get("Content-Type"), ";")
	version := got.header.Get("Ce-Specversion")
	switch {
	case contentType == "application/cloudevents+json":
		return fromJSON(got.body)
	case strings.HasPrefix(contentType, "application/cloudevents"):
		return nil, false
	case version == "1.0" || version == "0.3":
		return fromAnswer(got, version)
	}
	return nil, false
}

// fromAnswer reads an event in binary mode, whose attributes are Ce- headers.
func fromAnswer(got answer, version string) (*event, bool) {
	e := &event{data: got.body}
	e.set("specversion", version)
	for header, values := range got.header {
		name, found := strings.CutPrefix(strings.ToLower(header), "ce-")
		if header == "Content-Type" {
			name, found = "datacontenttype", true
		}
		if !found || name == "" || name == "specversion" {
			continue
		}
		if !e.define(name, fromLatin1(values[len(values)-1])) {
			return nil, false
		}
	}
	return e, e.complete()
}

// publish writes an event in binary mode, keyed by its partitionkey, and waits
// until all in-sync replicas have it.
func (s *Source) publish(e *event) error {
	r := &kgo.Record{Topic: s.config.Topics[0], Value: e.data}
	if key, ok := e.find("partitionkey"); ok {
		r.Key = []byte(e.attributes[key].value)
	}
	for _, a := range e.attributes {
		name := "ce_" + a.name
		if a.name == "datacontenttype" {
			name = "content-type"
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(a.value)})
	}
	ctx, cancel := context.WithTimeout(s.work, produceTimeout)
	defer cancel()
	if err := s.client.ProduceSync(ctx, r).FirstErr(); err != nil {
		return fmt.Errorf("publish the reply %s: %w", e.get("id"), err)
	}
	return nil
}

// produceTimeout is the delivery timeout of a Trigger's producer.
const produceTimeout = 2 * time.Minute

// wantsBody is how much of an answer's body is of use.
func (s *Source) wantsBody(status int) int64 {
	switch {
	case status >= http.StatusMultipleChoices:
		return keptBody
	case s.config.Trigger:
		return keptReply
	}
	return 0
}
