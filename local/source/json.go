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
