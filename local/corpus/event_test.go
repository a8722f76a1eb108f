package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/eventtest/seeds"
)

// message is one event in the three forms in which it arrives.
type message struct {
	attributes map[string]json.RawMessage // Text, or another type of JSON
	extra      [][2]seeds.Text            // headers beside them
	data       []byte
}

func text(s string) json.RawMessage {
	raw, _ := json.Marshal(s)
	return raw
}

// registered is good, and counted where it is taken.
func (h *house) registered() message {
	id := h.next()
	return message{attributes: map[string]json.RawMessage{
		"specversion": text("1.0"), "id": text(fmt.Sprint("corpus-", id)), "source": text("/corpus"), "type": text("somssi.talent.registered.v1"),
		"subject": text(fmt.Sprint("talent/", id)), "time": text("2026-01-02T03:04:05Z"), "datacontenttype": text("application/json"),
	}, data: fmt.Appendf(nil, `{"talentId":%d,"version":1,"sellerId":7,"category":"corpus","title":"t","priceKrw":1,"tags":[],"at":"2026-01-02T03:04:05.000Z"}`, id)}
}

// plain is an attribute's value as a header has it.
func plain(raw json.RawMessage) []byte {
	var t seeds.Text
	if json.Unmarshal(raw, &t) != nil {
		return raw // a number, or the like
	}
	return t
}

func (m message) names() []string { return slices.Sorted(maps.Keys(m.attributes)) }

// binary is the lines of a request's head.
func (m message) binary() string {
	var b strings.Builder
	for _, name := range m.names() {
		header := "ce-" + name
		if name == "datacontenttype" {
			header = "Content-Type"
		}
		fmt.Fprintf(&b, "%s: %s\r\n", header, plain(m.attributes[name]))
	}
	for _, e := range m.extra {
		fmt.Fprintf(&b, "%s: %s\r\n", e[0], e[1])
	}
	return b.String()
}

// structured is the JSON, to the byte: no library would write what is in it.
func (m message) structured() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range m.names() {
		fmt.Fprintf(&b, "%s:%s,", text(name), asJSON(m.attributes[name]))
	}
	b.WriteString(`"data":`)
	b.Write(m.data)
	b.WriteByte('}')
	return b.Bytes()
}

// asJSON is a value of a row in JSON, where Text becomes a string; bytes that are
// no UTF-8 stay what they are.
func asJSON(raw json.RawMessage) []byte {
	var t seeds.Text
	if raw[0] == '{' || raw[0] == '[' {
		if json.Unmarshal(raw, &t) == nil && bytes.ContainsAny(raw, "{") {
			quoted := []byte{'"'}
			for _, c := range t {
				switch {
				case c == '"' || c == '\\':
					quoted = append(quoted, '\\', c)
				case c < ' ':
					quoted = fmt.Appendf(quoted, `\u%04x`, c)
				default:
					quoted = append(quoted, c)
				}
			}
			return append(quoted, '"')
		}
	}
	return raw
}

// kafka is the record in binary mode.
func (m message) kafka() *kgo.Record {
	r := &kgo.Record{Topic: topic, Value: m.data}
	for _, name := range m.names() {
		header := "ce_" + name
		if name == "datacontenttype" {
			header = "content-type"
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: header, Value: plain(m.attributes[name])})
	}
	for _, e := range m.extra {
		name := strings.ToLower(string(e[0]))
		if rest, ok := strings.CutPrefix(name, "ce-"); ok {
			name = "ce_" + rest
		}
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: e[1]})
	}
	return r
}

// attributes sends a good event with a row's attributes and headers.
func (h *house) attributes(t *testing.T, r row) {
	m := h.registered()
	for name, value := range r.Attributes {
		if m.attributes[name] = value; string(value) == "null" {
			delete(m.attributes, name)
		}
	}
	for n := range r.Many {
		m.attributes[fmt.Sprintf("x%d", n)] = text("x")
	}
	m.extra = r.Headers
	if r.fits("binary") {
		h.event(t, r, "binary", "update-stats", m.binary(), m.data)
	}
	if r.fits("structured") && r.Headers == nil {
		h.event(t, r, "structured", "update-stats", "Content-Type: application/cloudevents+json\r\n", m.structured())
	}
	if r.fits("kafka") {
		h.produce(t, r, "kafka", m.kafka())
	}
}

var structuredWords = strings.NewReplacer("$attrs", `"specversion":"1.0","id":"corpus-c","source":"/corpus","type":"somssi.talent.registered.v1","datacontenttype":"application/json"`,
	"$three", `"id":"corpus-c","source":"/corpus","type":"somssi.talent.registered.v1"`, "$data", `"data":`+strings.Replace(counted, "smuggled", "corpus", 1))

// structured sends a body that should be an event in JSON.
func (h *house) structured(t *testing.T, r row) {
	body, media := []byte(structuredWords.Replace(string(*r.Body))), r.Type
	if media == "" {
		media = "application/cloudevents+json"
	}
	if r.fits("structured") {
		h.event(t, r, "structured", "update-stats", "Content-Type: "+media+"\r\n", body)
	}
	if r.fits("kafka") {
		h.produce(t, r, "kafka", &kgo.Record{Topic: topic, Value: body, Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(media)}}})
	}
}

// event sends a request to a function as a source would, and holds what becomes
// of it to all of the oracle.
func (h *house) event(t *testing.T, r row, door, function, lines string, body []byte) {
	t.Helper()
	was := h.calm(t)
	h.tally[door]++
	a := exchange(t, h.address(function), fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s", len(body), lines, body), "", "", 10*time.Second)
	verdict := "refused"
	switch a.status {
	case 204:
		verdict, h.dirty = "accepted", true
		h.settled(t)
	case 400, 413, 415, 422, 431:
	default:
		t.Errorf("%s at %s: answered %d %.200s", door, function, a.status, a.body)
	}
	if want := r.want(door); verdict != want {
		t.Errorf("%s at %s: %s by %d %.200s, want %s", door, function, verdict, a.status, a.body, want)
	}
	if len(a.body) > 1024 || a.more || a.took > time.Second && h.late(t) {
		t.Errorf("%s at %s: %d bytes in %s, and more: %t", door, function, len(a.body), a.took, a.more)
	}
	if a.status != 431 && !(a.status == 400 && a.header.Get("Content-Type") != "application/problem+json") { // which the server refuses before the function sees it
		h.owed[function]++
	}
	h.logged(t, function)
	if verdict == "refused" {
		h.nothingWritten(t, was, 0)
	}
	h.good(t, function)
}

// late is whether the machine is not: a good request now is answered in time.
func (h *house) late(t *testing.T) bool {
	a := exchange(t, h.address("serve-web"), "GET /favicon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "", "", 10*time.Second)
	return a.took < 100*time.Millisecond
}
