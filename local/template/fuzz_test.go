package template

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzLoad wants an answer to any text: a template, or problems that can be shown.
func FuzzLoad(f *testing.F) {
	files, _ := filepath.Glob("testdata/[TK]*.yaml")
	for _, file := range append(files, "../../template.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(inherits))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Parse("template.yaml", text, "local")
		if (got == nil) == (err == nil) {
			t.Fatalf("neither or both of a template and an error: %v", err)
		}
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("%T is not Problems", err)
		}
		r := newReport("template.yaml", text)
		if found, root := r.load("local"); root != nil {
			bites{r, root, found}.find()
		}
		problems = r.found
		lines := strings.Count(string(text), "\n") + strings.Count(string(text), "\r") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Line > lines || p.Col < 1 || p.Rule == "" || p.What == "" || p.Fix == "" {
				t.Errorf("not to be shown: %+v", p)
			}
			if strings.Count(p.String(), "\n") != 3 || strings.ContainsAny(p.String(), "\x1b\r") {
				t.Errorf("%q is not three lines of plain text", p.String())
			}
		}
	})
}

// TestHostile gives texts that would take a careless reader minutes, or its stack. Each is answered
// well within the time that a whole run of tests may take.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	for name, part := range map[string]string{
		"flow lists": "[", "flow maps": "{a: ", "dashes": "- ", "question marks": "? ", "one word": "a ", "lines": "a:\n",
		"quotes": "'a' ", "anchors": "&a ", "tags": "!!a ", "colons": ": ", "commas": "[a,", "documents": "---\n",
		"literals": "a: |\n b\n", "long key": "x", "comments": "# a\n", "control": "a: \x01\n", "wide": "한", "tabs": "\t", "zeros": "\x00",
	} {
		for _, before := range []string{"", "version: 1\nfunctions:\n  do-it:\n    publishes: [", "version: 1\nenvironments: {a: {topics: {"} {
			text := before + strings.Repeat(part, (maxBytes-len(before))/len(part))
			start := time.Now()
			_, err := Parse("template.yaml", []byte(text), "")
			if took := time.Since(start); took > time.Second {
				t.Logf("%s after %q: %v", name, before, took)
			}
			if err == nil {
				t.Errorf("%s after %q: no problem found", name, before)
			}
		}
	}
	// Many filters that take the parser of CESQL long, with as many environments as there may be.
	began := time.Now()
	text := "version: 1\ntopics: {t: {}}\nfunctions: {do-it: {triggers: {x: {broker: {topic: t, filters: [" +
		strings.Repeat(`{cesql: "`+strings.Repeat("(", 64)+`a"}, `, 300) + "]}}}}}\nenvironments:\n"
	for i := range maxEnvironments {
		text += fmt.Sprintf("  e%d: {}\n", i)
	}
	if _, err := Parse("template.yaml", []byte(text), ""); err == nil {
		t.Error("brackets that are not closed are read")
	}
	if took := time.Since(began); took > time.Second {
		t.Logf("filters: %v", took)
	}
	if _, err := Parse("template.yaml", []byte("version: 1\n#"+strings.Repeat("x", maxBytes)), ""); err == nil {
		t.Error("a file beyond the limit is read")
	}
}
