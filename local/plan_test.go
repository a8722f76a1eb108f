package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"somssi/local/template"
)

// Every fact that bites is found in a file of such mistakes, at its line and column.
func TestPlan_footguns(t *testing.T) {
	code, out, said := local(t, ".", "plan", "testdata/footguns.yaml", "-o", "json")
	if code != wrong || !strings.Contains(said, "testdata/footguns.yaml has 10 errors") {
		t.Errorf("exit code %d, said %q", code, said)
	}
	var answer planned
	if err := json.Unmarshal([]byte(out), &answer); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range answer.Problems {
		got = append(got, fmt.Sprintf("%d:%d %s %s", p.Line, p.Col, p.Level, p.Rule))
	}
	want := []string{
		"13:9 warning K1", "16:17 warning K11", "17:11 warning K12",
		"26:22 error K2", "32:11 error K7", "33:22 error K2", "39:32 warning K3",
		"45:11 warning K5", "46:13 warning K13", "49:22 warning K14", "50:13 error K14",
		"54:9 warning K11", "54:9 warning K5", "54:9 warning K8", "56:11 error K11", "57:11 error K11",
		"60:18 warning K9", "62:21 error K12", "65:5 error K16", "67:32 error K15", "68:42 error K15",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	lines := strings.Split(read(t, "testdata/footguns.yaml"), "\n")
	for _, p := range answer.Problems {
		if !strings.Contains(lines[p.Line-1], p.Rule) {
			t.Errorf("line %d does not say that it is %s: %s", p.Line, p.Rule, lines[p.Line-1])
		}
	}
	for i, f := range template.Facts {
		if id := fmt.Sprintf("K%d", i+1); f.Rule != id {
			t.Errorf("fact %d is %s, not %s", i, f.Rule, id)
		}
		if _, found := answer.Facts[f.Rule]; found == strings.HasPrefix(f.Where, "none: ") {
			t.Errorf("%s is found: %t, but: %s", f.Rule, found, f.Where)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The project's own template has neither errors nor warnings, wherever it is asked from.
func TestPlan_of_the_real_one(t *testing.T) {
	for _, dir := range []string{"..", ".", "testdata"} {
		t.Run(dir, func(t *testing.T) {
			code, out, said := local(t, dir, "plan", "--env", "local")
			if code != 0 || said != "" || !strings.Contains(out, " triggers, 0 errors, 0 warnings\n") {
				t.Errorf("exit code %d, said %q, answered\n%s", code, said, out)
			}
			if want := "41, linear by 500ms: at 0, 0.5, 1.5, 3, 5, 7.5, …, 370.5, 390, 410 s where each fails at once"; !strings.Contains(out, want) {
				t.Errorf("no %q in\n%s", want, out)
			}
		})
	}
}

func TestPlan_answers(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"warned,1.yaml": "version: 1\ntopics: {t: {}}\nfunctions: {do-it: {triggers: {x: {kafka: {topics: [t], group: g, from: latest}}}}}\n",
		"broken.yaml":   "version: 1\ntopcs: {100%: {}}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name, args string
		code       int
		out, said  []string
	}{
		{"warnings", "plan warned,1.yaml", 0, []string{
			"do-it/x  kafka, a KafkaSource\n", "11, exponential by 300ms: at 0, 0.6, 1.8, 4.2, 9, 18.6, …, 153, 306.6, 613.8 s",
			"warned,1.yaml:3:36 warning K1 no delivery is said", "warned,1.yaml:3:73 warning K11 from latest",
			"\nK1   without any delivery", "warned,1.yaml: 1 trigger, 0 errors, 2 warnings\n"}, nil},
		{"an_error", "plan broken.yaml", wrong, []string{`broken.yaml:2:1 error T004 unknown key "topcs"`, "0 triggers, 1 error, 0 warnings"}, []string{"error: broken.yaml has 1 error\n"}},
		{"github", "plan warned,1.yaml --format github", 0, []string{
			"::warning file=warned%2C1.yaml,line=3,col=36,title=K1::no delivery is said: Knative tries 11 times over 613.8 s, and then the event is lost (write delivery",
			"\n::warning file=warned%2C1.yaml,line=3,col=73,title=K11::"}, nil},
		{"github_error", "plan broken.yaml --format github", wrong, []string{"::error file=broken.yaml,line=2,col=1,title=T004::unknown key"}, []string{"has 1 error"}},
		{"no_file", "plan there-is-none.yaml", wrong, nil, []string{"there-is-none.yaml"}},
		{"no_environment", "plan warned,1.yaml --env prod", wrong, []string{`error T025 there is no environment "prod"`}, []string{"has 1 error"}},
		{"no_format", "plan warned,1.yaml --format gitlab", wrong, nil, []string{"--format gitlab"}},
		{"json", "plan warned,1.yaml -o json", 0, []string{`"file": "warned,1.yaml"`, `"level": "warning"`, `"rule": "K1"`, `"triesMs": [`, `"waitsMs": 613800`}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, said := local(t, dir, strings.Fields(tc.args)...)
			if code != tc.code || len(tc.out) == 0 && out != "" || len(tc.said) == 0 && said != "" {
				t.Errorf("exit code %d, want %d; answered %q, said %q", code, tc.code, out, said)
			}
			for _, want := range tc.out {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, want := range tc.said {
				if !strings.Contains(said, want) {
					t.Errorf("said %q, without %q", said, want)
				}
			}
		})
	}
}
