package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Fields are what is to be scrubbed, and whether it was found.
type Fields struct {
	fields []*field
}

type field struct {
	path     []string
	optional bool
	found    bool
}

// ParseFields reads fields such as data.title, data.was.title, subject, or data
// for all of it. Lists on the way are walked through. One with a ? at its end may
// be missing from all events.
func ParseFields(texts []string) (*Fields, error) {
	all := &Fields{}
	for _, text := range texts {
		name, optional := strings.CutSuffix(strings.TrimSpace(text), "?")
		path := strings.Split(name, ".")
		switch {
		case slices.Contains(path, ""):
			return nil, fmt.Errorf("field %q: such as data.title, data.was.title or subject", text)
		case slices.Contains([]string{"specversion", "type", "datacontenttype", "data_base64"}, path[0]):
			return nil, fmt.Errorf("field %q can not be replaced: without it the event would be none, or another", text)
		case path[0] != "data" && len(path) > 1:
			return nil, fmt.Errorf("field %q: attributes have nothing inside; did you mean data.%s?", text, name)
		}
		all.fields = append(all.fields, &field{path: path, optional: optional})
	}
	return all, nil
}

// Missing are the fields that no event had: perhaps written wrong, and then what
// they mean was not scrubbed.
func (f *Fields) Missing() (names []string) {
	for _, one := range f.fields {
		if !one.found && !one.optional {
			names = append(names, strings.Join(one.path, "."))
		}
	}
	return names
}

// match tells whether a path is a field, or inside one.
func (f *Fields) match(path []string) (is bool) {
	for _, one := range f.fields {
		if len(one.path) <= len(path) && slices.Equal(one.path, path[:len(one.path)]) {
			one.found, is = true, true
		}
	}
	return is
}

func (f *Fields) insideData() bool {
	return slices.ContainsFunc(f.fields, func(one *field) bool { return one.path[0] == "data" && len(one.path) > 1 })
}

// errNoJSON is that fields of data can not be found in data that is no JSON.
var errNoJSON = errors.New("its data is no JSON, so that the fields in it can not be found: leave it out with --where, or scrub data as a whole")

// scrub replaces the fields of an event.
func (s *Scrubber) scrub(e *event, f *Fields) error {
	for name, value := range e.attributes {
		if f.match([]string{name}) {
			e.attributes[name] = s.Text(value)
		}
	}
	switch {
	case len(e.data) == 0:
		return nil
	case e.isJSON:
		var out bytes.Buffer
		from, to := jsontext.NewDecoder(bytes.NewReader(e.data)), jsontext.NewEncoder(&out)
		if err := s.copy(from, to, []string{"data"}, f); err != nil {
			return err
		}
		e.data = bytes.TrimSpace(out.Bytes())
		return nil
	case f.match([]string{"data"}):
		if utf8.Valid(e.data) {
			e.data = []byte(s.Text(string(e.data)))
		} else {
			e.data = s.Bytes(e.data)
		}
		return nil
	case f.insideData():
		return errNoJSON
	}
	return nil
}

// copy writes one JSON value with what is a field in it replaced.
func (s *Scrubber) copy(from *jsontext.Decoder, to *jsontext.Encoder, path []string, f *Fields) error {
	scrubbed := f.match(path)
	switch kind := from.PeekKind(); kind {
	case '{', '[':
		if err := move(from, to); err != nil {
			return err
		}
		for from.PeekKind() != '}' && from.PeekKind() != ']' {
			inside := path
			if kind == '{' {
				name, err := from.ReadToken()
				if err == nil {
					inside = append(slices.Clone(path), name.String())
					err = to.WriteToken(name)
				}
				if err != nil {
					return err
				}
			}
			if err := s.copy(from, to, inside, f); err != nil {
				return err
			}
		}
		return move(from, to)
	default:
		if !scrubbed {
			return move(from, to)
		}
		token, err := from.ReadToken()
		if err != nil {
			return err
		}
		switch kind {
		case '"':
			return to.WriteToken(jsontext.String(s.Text(token.String())))
		case '0':
			return to.WriteValue(jsontext.Value(s.Number(token.String())))
		case 't', 'f':
			return to.WriteToken(jsontext.False) // any choice by the value would tell it
		}
		return to.WriteToken(jsontext.Null)
	}
}

func move(from *jsontext.Decoder, to *jsontext.Encoder) error {
	token, err := from.ReadToken()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if token.Kind() == '0' { // as it was written
		return to.WriteValue(jsontext.Value(token.String()))
	}
	return to.WriteToken(token)
}
