package source

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/eventtest/seeds"
)

// FuzzRecord holds any record to what every request must be: complete, with
// names and values that HTTP allows, and with the data of the record.
func FuzzRecord(f *testing.F) {
	f.Add("", []byte(nil), []byte(nil), "", "", "", "")
	f.Add("application/json", []byte("0"), []byte(`{"value":5}`), "X-My_Id", "7", "ce_id", "i")
	f.Add("application/cloudevents+json", []byte(nil), []byte(`{"specversion":"1.0","id":"i","source":"/s","type":"y","n":5,"data":{"a":[1.10,1e400,"\u00fc"]}}`), "", "", "", "")
	f.Add("application/cloudevents+json;x", []byte(nil), []byte(`{"specversion":"0.3","id":"i","source":"/s","type":"y","datacontentencoding":"base64","data":"AA=="}`), "", "", "", "")
	f.Add("text/plain", []byte("k"), []byte("x"), "ce_specversion", "1.0", "ce_time", "2020-01-01T00:00:00.120+01:00")
	f.Add("a\x00b", []byte("\xff\xe2\x82"), []byte{}, "ce_specversion", "1.0", "ce_source", "http://[::1]:80/%41?x#y")
	f.Add("", []byte{0, 0, 0, 42}, []byte("x"), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "CE_id", "\n")
	for _, text := range seeds.Of(f, "BD") {
		f.Add("application/json", []byte(text), []byte(text), "ce_specversion", "1.0", "ce_subject", text)
		f.Add(text, []byte(nil), []byte("{}"), text, text, "x-trace", text)
	}
	for _, text := range seeds.Of(f, "C") {
		text = strings.NewReplacer("$attrs", `"specversion":"1.0","id":"i","source":"/s","type":"y"`, "$three", `"id":"i","source":"/s","type":"y"`, "$data", `"data":{}`).Replace(text)
		f.Add("application/cloudevents+json", []byte(nil), []byte(text), "", "", "", "")
	}
	f.Fuzz(func(t *testing.T, contentType string, key, value []byte, name1, value1, name2, value2 string) {
		headers := h("ce_type", "y", "ce_source", "/s", "ce_id", "i", "content-type", contentType, name1, value1, name2, value2)
		for _, keyType := range []string{"string", "int", "float", "byte-array"} {
			c := testConfig(&sinks{})
			c.KeyType = keyType
			s, err := newSource(c)
			if err != nil {
				t.Fatal(err)
			}
			r := &kgo.Record{Topic: "t", Key: key, Value: value, Headers: headers, Timestamp: time.UnixMilli(0)}
			e, _ := s.toEvent(r)
			wantSendable(t, s, e)
			wantSendable(t, s, s.deadLetter(e, answer{status: 400, header: map[string][]string{name1: {value1}}, body: value}))
			header, _ := s.headers(e)
			continueTrace(r, header)
			cut, _, _ := strings.Cut(contentType, ";")
			if cut != "application/cloudevents+json" && !bytes.Equal(e.data, value) {
				t.Errorf("data %q of %q", e.data, value)
			}
			if jsonType.MatchString(e.get("datacontenttype")) && cut == "application/cloudevents+json" && e.data != nil &&
				!json.Valid(e.data) && e.get("type") != "dev.knative.kafka.event" && !bytes.Contains(value, []byte("base64")) {
				t.Errorf("data %q is not JSON", e.data)
			}
		}
	})
}

func wantSendable(t *testing.T, s *Source, e *event) {
	t.Helper()
	header, _ := s.headers(e)
	for _, name := range []string{"ce-specversion", "ce-id", "ce-source", "ce-type", "Prefer", "Kn-Namespace"} {
		if len(header[name]) != 1 {
			t.Errorf("no %s", name)
		}
	}
	for _, a := range e.attributes {
		if !utf8.ValidString(a.value) || !legalName(a.name) {
			t.Errorf("attribute %q: %q", a.name, a.value)
		}
	}
	for name, values := range header {
		for _, c := range []byte(values[0]) {
			if (c < ' ' && c != '\t') || c == 0x7f {
				t.Errorf("%s: %q", name, values[0])
			}
		}
	}
	if version := e.get("specversion"); version != "1.0" && version != "0.3" {
		t.Errorf("version %q", version)
	}
}
