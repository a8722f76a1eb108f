package source

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// rewriteJSON writes a value as Knative does after it parsed it: compact, its
// members in their order, text with as few escapes as possible, and numbers
// that are no integers by way of a double (1.10 is 1.1, 1e3 is 1000.0).
func rewriteJSON(v jsontext.Value) ([]byte, error) {
	if isPlain(v) {
		return v, nil
	}
	var out bytes.Buffer
	d, e := jsontext.NewDecoder(bytes.NewReader(v)), jsontext.NewEncoder(&out)
	for {
		t, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
		}
		if err != nil {
			return nil, err
		}
		if t.Kind() == '0' {
			err = e.WriteValue(numberText(t.String()))
		} else {
			err = e.WriteToken(t)
		}
		if err != nil {
			return nil, err
		}
	}
}

// numberText writes a JSON number. One that is too large for a double is a
// string then, as in Knative.
func numberText(text string) jsontext.Value {
	if text == "-0" {
		return jsontext.Value("0")
	}
	if !bytes.ContainsAny([]byte(text), ".eE") {
		return jsontext.Value(text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && f != 0 && f-f != 0 {
		return jsontext.Value(`"` + floatText(f, 64) + `"`)
	}
	return jsontext.Value(floatText(f, 64))
}

// isPlain is whether valid JSON is as we would write it: no blanks outside of
// text, no escapes, and only integers. That is most of what is sent.
func isPlain(v jsontext.Value) bool {
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case ' ', '\t', '\n', '\r', '.', 'E', '-':
			return false
		case 'e': // of true and false, but not of 1e3
			if v[i-1] >= '0' && v[i-1] <= '9' {
				return false
			}
		case '"':
			end := i + 1 + bytes.IndexByte(v[i+1:], '"')
			if bytes.IndexByte(v[i:end], '\\') >= 0 {
				return false
			}
			i = end
		}
	}
	return true
}
