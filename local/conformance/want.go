package conformance

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// fields are headers of a request by their names in lower case.
type fields map[string]string

// with adds names and values to a copy; an empty name is left out.
func (f fields) with(pairs ...string) fields {
	f = maps.Clone(f)
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = pairs[i+1]
	}
	return f
}

// small is the event that event makes.
func small(id string) fields {
	return fields{"ce-specversion": "1.0", "ce-id": id, "ce-source": "/s", "ce-type": "y"}
}

// wrapped is what a KafkaSource makes of a record that is no event.
func (c *run) wrapped(r *kgo.Record) fields {
	partition, offset := strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10)
	return fields{
		"ce-specversion": "1.0", "ce-id": "partition:" + partition + "/offset:" + offset, "ce-type": "dev.knative.kafka.event",
		"ce-source":  "/apis/v1/namespaces/" + c.namespace + "/kafkasources/" + c.ways[0].source.Meta.Name + "#" + r.Topic,
		"ce-subject": "partition:" + partition + "#" + offset, "ce-time": timeText(r.Timestamp),
	}
}

// want compares a request with what must come of a record: these headers, those
// that every request has, and no others but the ignored ones.
func (c *run) want(got Request, r *kgo.Record, headers fields, body string) {
	want := fields{
		"prefer": "reply", "kn-namespace": c.namespace,
		"ce-knativekafkapartition": strconv.Itoa(int(r.Partition)), "ce-knativekafkaoffset": strconv.FormatInt(r.Offset, 10),
	}
	maps.Copy(want, headers)
	if maps.Equal(want, got.compared()) && body == string(got.Body) {
		return
	}
	c.note(wrong{
		what:     "the request for the record at offset " + want["ce-knativekafkaoffset"] + " is another",
		expected: text(want, []byte(body)), received: text(got.compared(), got.Body),
	})
}

// one waits for the only request there is, and compares it.
func (c *run) one(r *kgo.Record, headers fields, body string) {
	c.want(c.only("sink", 1)[0], r, headers, body)
}

// listed is which events came, for an error.
func listed(requests []Request) string {
	if len(requests) == 0 {
		return ""
	}
	var ids []string
	for _, r := range requests {
		ids = append(ids, r.ID())
	}
	if len(ids) > 20 {
		ids = append(ids[:20], "…")
	}
	return ": " + strings.Join(ids, ", ")
}

// count wants just so many requests at a sink by now.
func (c *run) count(sink string, n int) []Request {
	got := c.requests(sink)
	if len(got) != n {
		c.fatalf("%d requests at /%s, want %d%s", len(got), sink, n, listed(got))
	}
	return got
}

// with is the only request at a sink whose header has the value.
func (c *run) with(sink, header, value string) Request {
	var found []Request
	for _, r := range c.requests(sink) {
		if r.Get(header) == value {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		c.fatalf("%d requests at /%s have %s: %s, want 1", len(found), sink, header, value)
	}
	return found[0]
}

// each waits until all is done with, and compares the one request for each of
// these events with what it must be. There must be no other.
func (c *run) each(sink string, records []*kgo.Record, want func(r *kgo.Record, id string) (fields, string)) {
	c.only(sink, len(records))
	for _, r := range records {
		id := idOf(r)
		headers, body := want(r, id)
		c.want(c.with(sink, "ce-id", id), r, headers, body)
	}
}

// inOrder wants the events to have come just so.
func (c *run) inOrder(got []Request, ids ...string) {
	var came []string
	for _, r := range got {
		came = append(came, r.ID())
	}
	if !slices.Equal(came, ids) {
		c.errorf("the events came as %s, want %s", strings.Join(came, ", "), strings.Join(ids, ", "))
	}
}
