package template

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite schema.json and the .txt files in testdata; read the difference before keeping it")

// askedFor is the environment that a file in testdata is loaded with.
func askedFor(file string) string {
	if strings.Contains(file, "T025") {
		return "prdo"
	}
	return ""
}

// TestProblems loads each testdata/<rule>_<what>.yaml and wants the text beside it.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/[TK]*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse("template.yaml", text, askedFor(file))
			if strings.HasPrefix(name, ruleCluster) && err == nil {
				_, err = ParseForCluster("template.yaml", text, "prod")
			}
			if err == nil {
				t.Fatal("no problem found")
			}
			wantFile(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")

			rule, _, _ := strings.Cut(name, "_")
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("%T is not Problems", err)
			}
			for _, p := range problems {
				if p.Rule == rule {
					return
				}
			}
			t.Errorf("rule %s is not among the problems", rule)
		})
	}
}

// wantFile compares with a file, or rewrites it under -update.
func wantFile(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%swant\n%s", file, got, want)
	}
}

// TestEveryRuleHasACase holds the table of rules and testdata together.
func TestEveryRuleHasACase(t *testing.T) {
	table, err := os.ReadFile("rules.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range regexp.MustCompile(`T\d{3}|K\d+`).FindAllString(string(table), -1) {
		if cases, _ := filepath.Glob("testdata/" + rule + "_*.yaml"); len(cases) == 0 {
			t.Errorf("rule %s has no case in testdata", rule)
		}
	}
}

// TestLineEnds wants the same place whatever the editor that wrote the file.
func TestLineEnds(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", "\r"} {
		_, err := Parse("t", []byte("\ufeffversion: 1"+end+"topcs: {}"+end), "")
		want(t, "problems", fmt.Sprint(err), "t:2:1 error T004 unknown key \"topcs\"\n   2 | topcs: {}\n     | ^ did you mean \"topics\"?")
	}
}

// TestProblemJSON pins what commands print under -o json.
func TestProblemJSON(t *testing.T) {
	_, err := Parse("t", []byte("version: 1\ntopcs: {}\n"), "")
	wantJSON(t, "problems", err, `[{"file":"t","line":2,"col":1,"level":"error","rule":"T004","what":"unknown key \"topcs\"","fix":"did you mean \"topics\"?","source":"topcs: {}"}]`)
}

// TestQuote puts the caret under the place, whatever stands before it.
func TestQuote(t *testing.T) {
	for _, tc := range []struct {
		line          string
		col           int
		shown, indent string
	}{
		{"a: b", 4, "a: b", "   "},
		{"a: b", 99, "a: b", "    "},
		{"", 1, "", ""},
		{"한글: b", 5, "한글: b", "      "},
		{"e\u0301: b", 5, "e\u0301: b", "   "},
		{"a:\tb", 4, "a:\tb", "  \t"},
		{"a\x1b[2J: b", 8, "a\ufffd[2J: b", "       "},
		{strings.Repeat("x", 300) + "y", 301, strings.Repeat("x", around) + "y", strings.Repeat(" ", around)},
	} {
		shown, indent := quote([]rune(tc.line), tc.col)
		want(t, tc.line, shown, tc.shown)
		want(t, tc.line+" indent", indent, tc.indent)
	}
	want(t, "a long text", printable(strings.Repeat("x", 500)+"\n"), strings.Repeat("x", 400)+"…")
	want(t, "control characters", printable("a\x1bb"), "a b")
}
