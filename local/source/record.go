package source

import (
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// toEvent is the event a record is, or at a KafkaSource is wrapped into, with
// what is added to every event. Only a Trigger finds records that are none.
func (s *Source) toEvent(r *kgo.Record) (*event, bool) {
	e, ok := carried(r)
	switch {
	case !ok && s.config.Trigger:
		return nil, false
	case !ok:
		e = s.wrap(r)
	}
	e.set("knativekafkapartition", strconv.Itoa(int(r.Partition)))
	e.set("knativekafkaoffset", strconv.FormatInt(r.Offset, 10))
	for _, o := range s.overrides {
		e.set(o.name, o.value)
	}
	return e, true
}

// carried is the event that the record itself carries, if it does. Its key and
// its other headers are no part of it. Header names count to the letter, and of
// repeated ones the last.
func carried(r *kgo.Record) (*event, bool) {
	var contentType, version string
	for _, h := range r.Headers {
		switch {
		case h.Value == nil:
		case h.Key == "content-type":
			contentType = string(h.Value)
		case h.Key == "ce_specversion":
			version = string(h.Value)
		}
	}
	contentType, _, _ = strings.Cut(contentType, ";")
	switch {
	case contentType == "application/cloudevents+json":
		return fromJSON(r.Value)
	case strings.HasPrefix(contentType, "application/cloudevents"):
		return nil, false
	case version == "1.0" || version == "0.3":
		return fromHeaders(r, version)
	}
	return nil, false
}

// fromHeaders reads an event in binary mode, whose attributes are ce_ headers.
func fromHeaders(r *kgo.Record, version string) (*event, bool) {
	e := &event{attributes: make([]attribute, 0, len(r.Headers)+4)}
	e.set("specversion", version)
	rest := allValues(r.Headers)
	for _, h := range r.Headers {
		name, found := "", false
		value := rest[:len(h.Value)]
		rest = rest[len(h.Value):]
		switch {
		case h.Value == nil:
			continue
		case h.Key == "content-type":
			name, found = "datacontenttype", true
		default:
			name, found = strings.CutPrefix(h.Key, "ce_")
			name = strings.ToLower(name)
		}
		if !found || name == "" || name == "specversion" {
			continue
		}
		if !e.define(name, repairUTF8(value)) {
			return nil, false
		}
	}
	if len(r.Value) > 0 {
		e.data = r.Value
	}
	return e, e.complete()
}

// allValues is the values of all headers in one string, of which each is a part
// then: one allocation instead of ten.
func allValues(headers []kgo.RecordHeader) string {
	size := 0
	for _, h := range headers {
		size += len(h.Value)
	}
	var all strings.Builder
	all.Grow(size)
	for _, h := range headers {
		all.Write(h.Value)
	}
	return all.String()
}

// wrap makes an event of a record that is none.
func (s *Source) wrap(r *kgo.Record) *event {
	partition, offset := strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10)
	e := &event{attributes: make([]attribute, 0, len(r.Headers)+12), data: r.Value}
	e.set("specversion", "1.0")
	e.set("id", "partition:"+partition+"/offset:"+offset)
	e.set("source", s.wrapSource+r.Topic)
	e.set("type", "dev.knative.kafka.event")
	e.set("subject", "partition:"+partition+"#"+offset)
	e.set("time", timeText(r))
	if len(r.Key) > 0 {
		key := keyText(s.config.KeyType, r.Key)
		e.set("partitionkey", key)
		e.set("key", key)
	}
	for _, h := range r.Headers {
		switch {
		case h.Value == nil:
		case strings.EqualFold(h.Key, "content-type"):
			e.set("datacontenttype", strings.ToLower(repairUTF8(string(h.Value))))
		default:
			e.set("kafkaheader"+onlyLegal(h.Key), repairUTF8(string(h.Value)))
		}
	}
	return e
}

// timeText is the record's timestamp. The client counts it in nanoseconds of 64 bits, which wrap beyond the year
// 2262; but a millisecond is an odd number of them times 64, and so 58 bits of it are still to be had.
func timeText(r *kgo.Record) string {
	const inverse = 76_480_200_929_599_801 // of that odd number, 15,625, modulo 2^58
	at := time.UnixMilli(r.Timestamp.UnixNano() / 64 * inverse << 6 >> 6).UTC()
	text := at.Format(time.RFC3339Nano)
	if at.Year() > 9999 {
		text = "+" + text // as Java writes it; no reader of times takes it
	}
	return text
}

// onlyLegal is a header's name in lower case without all that an extension's
// name may not have.
func onlyLegal(name string) string {
	return strings.Map(func(c rune) rune {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return -1
		}
		return c
	}, strings.ToLower(name))
}
