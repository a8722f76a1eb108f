package capture

import (
	"bytes"
	"encoding/base64"
	"maps"
	"mime"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"somssi/local/source"
)

// File is one event as a test file.
type File struct {
	Name  string // safe on every system
	Text  []byte // indented JSON
	Event string // its id, after scrubbing
	Type  string
	// Leaks are the replaced fields whose old value is still somewhere else in
	// the text.
	Leaks []string
}

type event struct {
	attributes map[string]string
	data       []byte
	isJSON     bool
}

// Make makes a file of an event. Its errors are fields that can not be scrubbed.
func Make(e source.Event, s *Scrubber, f *Fields) (File, error) {
	one := &event{maps.Clone(e.Attributes), e.Data, jsonData(e)}
	before := one.scalars(f)
	if err := s.scrub(one, f); err != nil {
		return File{}, err
	}
	text, err := one.text()
	if err != nil {
		return File{}, err
	}
	file := File{Name: safe(one.attributes["type"] + "-" + wrapped.ReplaceAllString(one.attributes["id"], "partition-$1-offset-$2")), Text: text, Event: one.attributes["id"], Type: one.attributes["type"]}
	for _, b := range before {
		if strings.Contains(string(text), b.value) {
			file.Leaks = append(file.Leaks, b.path)
		}
	}
	slices.Sort(file.Leaks)
	file.Leaks = slices.Compact(file.Leaks)
	return file, nil
}

// jsonData reports whether an event's data goes into a file as JSON: what a
// reader of it would take for the same. All else goes as Base64, to the byte.
func jsonData(e source.Event) bool {
	media := e.Attributes["datacontenttype"]
	if media != "" {
		name, _, err := mime.ParseMediaType(media)
		if err != nil || name != "application/json" && name != "text/json" && !strings.HasSuffix(name, "+json") {
			return false
		}
	}
	return jsontext.Value(e.Data).IsValid() // no name twice, UTF-8
}

// order is the usual one of attributes; extensions follow by name.
var order = []string{"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"}

func (e *event) text() ([]byte, error) {
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out, jsontext.WithIndent("  "))
	names := order
	for _, name := range slices.Sorted(maps.Keys(e.attributes)) {
		if !slices.Contains(order, name) {
			names = append(slices.Clip(names), name)
		}
	}
	_ = enc.WriteToken(jsontext.BeginObject)
	for _, name := range names {
		if value, ok := e.attributes[name]; ok {
			_ = enc.WriteToken(jsontext.String(name))
			if err := enc.WriteToken(jsontext.String(strings.ToValidUTF8(value, "\ufffd"))); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(e.data) == 0:
	case e.isJSON:
		_ = enc.WriteToken(jsontext.String("data"))
		if err := enc.WriteValue(e.data); err != nil {
			return nil, err
		}
	default:
		_ = enc.WriteToken(jsontext.String("data_base64"))
		_ = enc.WriteToken(jsontext.String(base64.StdEncoding.EncodeToString(e.data)))
	}
	err := enc.WriteToken(jsontext.EndObject)
	// Without a datacontenttype the SDK reads a blank here as part of the Base64.
	return bytes.Replace(out.Bytes(), []byte("\n  \"data_base64\": "), []byte("\n  \"data_base64\":"), 1), err
}
