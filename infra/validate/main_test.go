package main

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shop is a checker for testdata, where Secrets are called shop-<workload>.
func shop(t *testing.T) *checker {
	t.Helper()
	c, err := newChecker("testdata", func(_, workload string) []string { return []string{"shop-" + workload} })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestGood(t *testing.T) {
	c := shop(t)
	judged, err := c.folder("good")
	if err != nil || judged < 20 {
		t.Errorf("%d objects, %v", judged, err)
	}
	for _, p := range c.sorted() {
		t.Error(p)
	}
}

// Each of bad is refused for what its first lines say, and for nothing else. It is
// applied beside all of good.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d bad manifests, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			c := shop(t)
			var good []*object
			for _, name := range []string{"functions", "around", "events"} {
				for _, d := range c.readFile("good/" + name + ".yaml") {
					good = append(good, newObject(d.value, d))
				}
			}
			c.set("", append(good, c.loose("bad/"+filepath.Base(file))...))
			hold(t, c, wanted(t, file))
		})
	}
}

// wanted are the lines # want line:column rule field: a part of what is wrong.
func wanted(t *testing.T, file string) (want []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if line, is := strings.CutPrefix(line, "# want "); is {
			want = append(want, line)
		}
	}
	return want
}

func hold(t *testing.T, c *checker, want []string) {
	t.Helper()
	found := c.sorted()
	if len(found) != len(want) {
		t.Errorf("%d problems, want %d", len(found), len(want))
	}
	for i, p := range found {
		place, what := fmt.Sprintf("%d:%d %s %s", p.line, p.col, p.rule, cmp.Or(p.field, "(all)")), ""
		if i < len(want) {
			wantPlace, part, _ := strings.Cut(want[i], ": ")
			if place == wantPlace && strings.Contains(p.what, part) && part != "" && p.fix != "" && !strings.Contains(p.what, "\n") {
				continue
			}
			what = want[i]
		}
		t.Errorf("%s\n got %s: %s\nwant %s", p, place, p.what, what)
	}
}

// No rule is there that no bad manifest breaks.
func TestRules(t *testing.T) {
	text, err := os.ReadFile("problem.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var broken []string
	for _, file := range files {
		for _, want := range wanted(t, file) {
			broken = append(broken, strings.Fields(want)[1])
		}
	}
	overlays, err := filepath.Glob("testdata/overlays/*/want")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range overlays {
		if text, err := os.ReadFile(file); err == nil && len(text) > 1 {
			broken = append(broken, strings.Fields(string(text))[2])
		}
	}
	rules := regexp.MustCompile(`(?m)^\trule\w+ += "(.+)"`).FindAllStringSubmatch(string(text), -1)
	if len(rules) < 10 {
		t.Fatalf("found %d rules", len(rules))
	}
	for _, m := range rules {
		if !slices.Contains(broken, m[1]) {
			t.Errorf("no bad manifest breaks rule %s", m[1])
		}
	}
}

// What kustomize makes is judged as it is applied, and told where it is written:
// in the overlay's patch, or in the base below it.
func TestOverlays(t *testing.T) {
	folders, err := filepath.Glob("testdata/overlays/*")
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	for _, folder := range folders {
		t.Run(path.Base(folder), func(t *testing.T) {
			c := shop(t)
			if _, err := c.folder("overlays/" + path.Base(folder)); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(folder + "/want")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range c.sorted() {
				got = append(got, strings.TrimPrefix(p.String(), "overlays/"+path.Base(folder)+"/"))
			}
			if all := strings.Join(got, "\n"); all != strings.TrimSpace(string(text)) {
				t.Errorf("got\n%s\nwant\n%s", all, text)
			}
		})
	}
}

// The manifests of this repository are right.
func TestRepository(t *testing.T) {
	var out, problems strings.Builder
	if code := run(nil, &out, &problems); code != 0 {
		t.Errorf("exit code %d\n%s%s", code, out.String(), problems.String())
	}
}

func TestRun_exitCodes(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"infra/validate/testdata/bad"}, 1, "error unknown Service/fn spec.template.spec.containerConcurency: is no field"},
		{[]string{"infra/schemas"}, 2, "there is no manifest in it"},
		{[]string{"infra/nowhere"}, 2, "no such file"},
		{[]string{"--help"}, 2, "usage:"},
	} {
		var out, problems strings.Builder
		code := run(tc.args, &out, &problems)
		if all := out.String() + problems.String(); code != tc.want || !strings.Contains(all, tc.says) {
			t.Errorf("validate %v: exit code %d, want %d and %q\n%.2000s", tc.args, code, tc.want, tc.says, all)
		}
	}
}
