package corpus

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

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
	byServer := a.status == 431 || a.status == 400 && a.header.Get("Content-Type") != "application/problem+json" // before the function sees it
	if !byServer {
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
