package capture

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

type scalar struct{ path, value string }

// scalars are the values that will be replaced and are long enough to be known
// again: shorter ones are in any text by chance.
func (e *event) scalars(f *Fields) (all []scalar) {
	add := func(path []string, value string) {
		if len([]rune(value)) >= 4 && f.match(path) {
			all = append(all, scalar{strings.Join(path, "."), value})
		}
	}
	for name, value := range e.attributes {
		add([]string{name}, value)
	}
	if e.isJSON {
		walk(jsontext.NewDecoder(bytes.NewReader(e.data)), []string{"data"}, add)
	}
	return all
}

// walk calls found with each text and number of a valid JSON value.
func walk(d *jsontext.Decoder, path []string, found func(path []string, value string)) {
	kind := d.PeekKind()
	token, err := d.ReadToken()
	if err != nil {
		return
	}
	switch kind {
	case '"', '0':
		found(path, token.String())
	case '{', '[':
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			inside := path
			if kind == '{' {
				name, err := d.ReadToken()
				if err != nil {
					return
				}
				inside = append(slices.Clone(path), name.String())
			}
			walk(d, inside, found)
		}
		_, _ = d.ReadToken()
	}
}
