package source

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonType are the content types under which data is a JSON value; under any
// other it is a string.
var jsonType = regexp.MustCompile(`^(application|text)/([a-zA-Z]+\+)?json(;.*)*$`)

// members are what is left of a JSON event, in its order.
type members []struct {
	name  string
	value jsontext.Value
}

// fromJSON reads an event in structured mode. Any defect makes it none.
func fromJSON(value []byte) (*event, bool) {
	m, ok := readMembers(value)
	if !ok {
		return nil, false
	}
	version, present, ok := m.takeString("specversion")
	if !ok || !present || (version != "1.0" && version != "0.3") {
		return nil, false
	}
	e := &event{attributes: make([]attribute, 0, len(m)+4)}
	e.set("specversion", version)
	for _, name := range [...]string{"id", "source", "type", "subject", "time", "datacontenttype", e.schemaName()} {
		text, present, ok := m.takeString(name)
		if !ok || (present && !e.define(name, text)) {
			return nil, false
		}
	}
	if !e.complete() || !m.takeData(e, version) {
		return nil, false
	}
	for _, member := range m {
		text, ok := extensionText(member.value)
		if !ok || !legalName(member.name) {
			return nil, false
		}
		e.set(member.name, text)
	}
	return e, true
}

// decoders are kept, since a new one costs as much as what it reads.
var decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(new(bytes.Buffer)) }}

// readMembers splits the one object that value must be.
func readMembers(value []byte) (members, bool) {
	d := decoders.Get().(*jsontext.Decoder)
	defer decoders.Put(d)
	d.Reset(bytes.NewBuffer(value)) // which is read where it is
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return nil, false
	}
	m := make(members, 0, 16)
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil || quoted.Kind() != '"' {
			return nil, false
		}
		name := memberName(quoted)
		v, err := d.ReadValue()
		if err != nil {
			return nil, false
		}
		end := d.InputOffset() // v itself is only good until the next read
		m = append(m, struct {
			name  string
			value jsontext.Value
		}{name, jsontext.Value(value[end-int64(len(v)) : end])})
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	_, err := d.ReadToken()
	return m, errors.Is(err, io.EOF)
}

// memberName spares the common names an allocation.
func memberName(quoted jsontext.Value) string {
	switch string(quoted[1 : len(quoted)-1]) {
	case "specversion":
		return "specversion"
	case "id":
		return "id"
	case "source":
		return "source"
	case "type":
		return "type"
	case "subject":
		return "subject"
	case "time":
		return "time"
	case "datacontenttype":
		return "datacontenttype"
	case "dataschema":
		return "dataschema"
	case "partitionkey":
		return "partitionkey"
	case "traceparent":
		return "traceparent"
	case "data":
		return "data"
	}
	return unquote(quoted)
}

// take removes a member.
func (m *members) take(name string) (jsontext.Value, bool) {
	for i := range *m {
		if (*m)[i].name == name {
			v := (*m)[i].value
			*m = slices.Delete(*m, i, i+1)
			return v, true
		}
	}
	return nil, false
}

// takeString removes a member that may only be a string or null, which counts
// as absent.
func (m *members) takeString(name string) (text string, present, ok bool) {
	v, present := m.take(name)
	switch {
	case !present || v.Kind() == 'n':
		return "", false, true
	case v.Kind() != '"':
		return "", true, false
	}
	return unquote(v), true, true
}

// takeData removes the data and puts it into e, as the bytes to be sent.
func (m *members) takeData(e *event, version string) (ok bool) {
	data, hasData := m.take("data")
	encoded, hasEncoded := m.take("data_base64")
	if hasData && hasEncoded {
		return false
	}
	if _, typed := e.find("datacontenttype"); hasData && !typed {
		e.set("datacontenttype", "application/json")
	}
	if version == "0.3" {
		encoding, _, ok := m.takeString("datacontentencoding")
		if !ok {
			return false
		}
		if hasData && encoding == "base64" {
			encoded, hasData, hasEncoded = data, false, true
		}
	}
	var err error
	switch {
	case hasEncoded && encoded.Kind() == '"':
		e.data, err = base64.StdEncoding.DecodeString(unquote(encoded))
	case hasData && isJSON(e.get("datacontenttype")):
		e.data, err = rewriteJSON(data)
	case hasData && data.Kind() == '"':
		e.data = []byte(unquote(data))
	default:
		return !hasData && !hasEncoded
	}
	return err == nil
}

// extensionText is the value of an extension as text. A number must be an
// integer of 32 bits.
func extensionText(v jsontext.Value) (string, bool) {
	switch v.Kind() {
	case '"':
		return unquote(v), true
	case '0':
		n, err := strconv.ParseInt(string(v), 10, 32)
		return strconv.FormatInt(n, 10), err == nil
	}
	text, err := rewriteJSON(v)
	return string(text), err == nil
}

// isJSON is jsonType, with a short way for what nearly all events say.
func isJSON(contentType string) bool {
	return contentType == "application/json" || jsonType.MatchString(contentType)
}

// unquote is the text of a JSON string. The decoder has accepted it, so it has
// no error.
func unquote(v jsontext.Value) string {
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	return string(text)
}
