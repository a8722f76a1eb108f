package conformance

import (
	"encoding/json"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// headers makes record headers of names and values.
func headers(pairs ...string) (all []kgo.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return all
}

// event is a record with a small CloudEvent in binary mode and more headers, and
// no data.
func event(id string, pairs ...string) *kgo.Record {
	return &kgo.Record{Headers: headers(append([]string{"ce_specversion", "1.0", "ce_id", id, "ce_source", "/s", "ce_type", "y"}, pairs...)...)}
}

// structured is the same event in structured mode, with more members.
func structured(id, members string) *kgo.Record {
	return &kgo.Record{
		Headers: headers("content-type", "application/cloudevents+json; charset=utf-8"),
		Value:   []byte(`{"specversion":"1.0","id":"` + id + `","source":"/s","type":"y"` + members + `}`),
	}
}

// idOf is the id of the event in a record.
func idOf(r *kgo.Record) string {
	if id := headerOf(r, "ce_id"); id != "" {
		return id
	}
	var members struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(r.Value, &members) // what is no event has no id
	return members.ID
}

// headerOf is the value of a record's header.
func headerOf(r *kgo.Record, name string) string {
	for _, h := range r.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// plain is a record that is no event.
func plain(value string, pairs ...string) *kgo.Record {
	return &kgo.Record{Value: []byte(value), Headers: headers(pairs...)}
}

func keyed(r *kgo.Record, key string) *kgo.Record {
	r.Key = []byte(key)
	return r
}

// on puts records into a partition.
func on(partition int32, records ...*kgo.Record) []*kgo.Record {
	for _, r := range records {
		r.Partition = partition
	}
	return records
}

// timeText is how an event's time is written.
func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
