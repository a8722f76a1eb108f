package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

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
