// Package seeds reads the corpus of bad input in local/corpus, for that test and as
// seeds of fuzz targets.
package seeds

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Text is bytes as the corpus of bad input writes them: a JSON string, or
// {"bytes": "ff fe"} for what is no UTF-8, or {"repeat": "x", "times": 3} for
// what is long, where %d is the number of the repetition, or a list of these.
type Text []byte

// UnmarshalJSON expands the text.
func (t *Text) UnmarshalJSON(raw []byte) error {
	switch raw[0] {
	case '"':
		var text string
		err := json.Unmarshal(raw, &text)
		*t = Text(text)
		return err
	case '[':
		var parts []Text
		err := json.Unmarshal(raw, &parts)
		*t = Text{}
		for _, part := range parts {
			*t = append(*t, part...)
		}
		return err
	}
	var of struct {
		Bytes, Repeat string
		Times         int
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&of); err != nil {
		return err
	}
	if of.Bytes != "" {
		text, err := hex.DecodeString(strings.ReplaceAll(of.Bytes, " ", ""))
		*t = text
		return err
	}
	if !strings.Contains(of.Repeat, "%d") {
		*t = bytes.Repeat([]byte(of.Repeat), of.Times)
		return nil
	}
	*t = Text{}
	for n := range of.Times {
		*t = append(*t, strings.ReplaceAll(of.Repeat, "%d", fmt.Sprint(n))...)
	}
	return nil
}

// Of is the texts in the rows of classes of the corpus of bad input, such
// as "FG", as seeds of a fuzz target: titles, bodies, values of attributes.
func Of(t testing.TB, classes string) (texts []string) {
	t.Helper()
	root, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
			break
		}
		root = filepath.Dir(root)
	}
	for _, class := range classes {
		file, err := os.Open(filepath.Join(root, "local/corpus/testdata", string(class)+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = file.Close() }()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var row map[string]any
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatalf("%s: %v", file.Name(), err)
			}
			for _, member := range []string{"value", "raw", "body", "send", "attributes", "headers", "record", "request"} {
				texts = textsOf(row[member], texts)
			}
		}
	}
	return texts
}

func textsOf(v any, texts []string) []string {
	raw, err := json.Marshal(v)
	var text Text
	if err == nil && v != nil && json.Unmarshal(raw, &text) == nil {
		if len(text) > 0 && len(text) <= 64<<10 {
			texts = append(texts, string(text))
		}
		return texts
	}
	switch v := v.(type) {
	case map[string]any:
		for _, one := range v {
			texts = textsOf(one, texts)
		}
	case []any:
		for _, one := range v {
			texts = textsOf(one, texts)
		}
	}
	return texts
}
