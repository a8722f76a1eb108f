package gen

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// object is a JSON object whose members keep their order, each value as JSON
// text: what is wrong on purpose must be writable.
type object []member

type member struct{ name, value string }

func (o object) String() string {
	var b strings.Builder
	for i, m := range o {
		b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
		b.WriteString(quote(m.name) + ":" + m.value)
	}
	if len(o) == 0 {
		return "{}"
	}
	return b.String() + "}"
}

// with is a copy in which a member has another value, or is new at the end.
func (o object) with(name, value string) object {
	out := append(object(nil), o...)
	for i := range out {
		if out[i].name == name {
			out[i].value = value
			return out
		}
	}
	return append(out, member{name, value})
}

func (o object) without(name string) object {
	var out object
	for _, m := range o {
		if m.name != name {
			out = append(out, m)
		}
	}
	return out
}

func (o object) get(name string) string {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return ""
}

// quote is text as a JSON string. What is not UTF-8 becomes U+FFFD.
func quote(text string) string {
	quoted, _ := jsontext.AppendQuote(nil, strings.ToValidUTF8(text, "\ufffd"))
	return string(quoted)
}

// envelope is the event around data, as the functions' own events are: its key
// is what the data says by the name of its noun, such as talentId.
func envelope(typ string, data object, at time.Time, random *rand.Rand) object {
	var id, trace [16]byte
	fill(id[:], random)
	fill(trace[:], random)
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|uint64(id[6])<<8|uint64(id[7]))
	id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80 // a UUIDv7
	key := fmt.Sprint(random.IntN(1_000_000))
	noun := "event"
	if parts := strings.Split(typ, "."); len(parts) > 2 {
		noun = parts[len(parts)-3]
	}
	if value := data.get(noun + "Id"); value != "" {
		key = strings.Trim(value, `"`)
	}
	return object{
		{"specversion", `"1.0"`},
		{"id", quote(uuid.UUID(id).String())},
		{"source", `"/somssi/gen"`},
		{"type", quote(typ)},
		{"subject", quote(noun + "/" + key)},
		{"time", quote(at.UTC().Format("2006-01-02T15:04:05.000Z"))},
		{"datacontenttype", `"application/json"`},
		{"dataschema", quote("somssi:/schemas/" + typ + ".json")},
		{"partitionkey", quote(key)},
		{"traceparent", quote(fmt.Sprintf("00-%x-%x-01", trace, trace[8:]))},
		{"data", data.String()},
	}
}

func fill(bytes []byte, random *rand.Rand) {
	for i := range bytes {
		bytes[i] = byte(random.Uint32())
	}
}
