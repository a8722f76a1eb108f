package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"somssi/local/template"
)

// The rules of the house that a compiler does not hold.

const (
	sharedWall    = 600 // lines of shared, without tests
	connectWall   = 200 // and of shared/connect, which it imports
	senderWall    = 230 // and of shared/sender, likewise
	telemetryWall = 150 // and of shared/telemetry, likewise
	functionWall  = 300 // lines of a function's folder, without tests and page assets
	readmeWall    = 150
)

func packages(t *testing.T, pattern string) (all []struct {
	ImportPath, Dir string
	Deps            []string
}) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Deps", pattern)
	command.Dir = ".."
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pattern, err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var one struct {
			ImportPath, Dir string
			Deps            []string
		}
		if err := d.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func TestRepo_imports(t *testing.T) {
	for _, rule := range []struct {
		packages, why string
		forbidden     []string
	}{
		{"./functions/...", "a function is read without leaving its folder, and runs without the harness",
			[]string{"somssi/functions/", "somssi/local", "somssi/infra", "testing", "github.com/twmb/franz-go/pkg/kfake", "github.com/alicebob/miniredis"}},
		{"./shared/connect", "it imports nothing of ours", []string{"somssi/"}},
		{"./shared/sender", "it imports nothing of ours", []string{"somssi/"}},
		{"./shared/telemetry", "it imports nothing of ours", []string{"somssi/"}},
		{"./shared", "shared imports nothing of ours but shared/connect, shared/sender and shared/telemetry", []string{"somssi/functions/", "somssi/local/", "somssi/infra/", "somssi/shared/eventtest"}},
		{"./local/...", "the harness runs functions' binaries and does not import them", []string{"somssi/functions/"}},
		// The harness links them too, because CESQL's package names the events of their package; a linter
		// keeps it from calling them.
		{"./functions/...", "the SDK's receivers hang and can be crashed from outside", []string{"github.com/cloudevents/sdk-go/v2/client"}},
		{"./shared/...", "the SDK's receivers hang and can be crashed from outside", []string{"github.com/cloudevents/sdk-go/v2/client"}},
	} {
		for _, p := range packages(t, rule.packages) {
			for _, dep := range p.Deps {
				for _, forbidden := range rule.forbidden {
					if dep != p.ImportPath && (dep == forbidden || strings.HasPrefix(dep, forbidden) && strings.HasSuffix(forbidden, "/") || strings.HasPrefix(dep, forbidden+"/")) {
						t.Errorf("%s imports %s: %s", p.ImportPath, dep, rule.why)
					}
				}
			}
		}
	}
}

// lines counts those of all Go files of a folder that are no tests.
func lines(t *testing.T, folder string) (n int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(text), "\n")
	}
	return n
}

func TestRepo_walls(t *testing.T) {
	if n := lines(t, "../shared"); n == 0 || n > sharedWall {
		t.Errorf("shared has %d lines, its wall is %d: what is used by fewer than three functions goes back to them", n, sharedWall)
	}
	if n := lines(t, "../shared/connect"); n == 0 || n > connectWall {
		t.Errorf("shared/connect has %d lines, its wall is %d", n, connectWall)
	}
	if n := lines(t, "../shared/sender"); n == 0 || n > senderWall {
		t.Errorf("shared/sender has %d lines, its wall is %d", n, senderWall)
	}
	if n := lines(t, "../shared/telemetry"); n == 0 || n > telemetryWall {
		t.Errorf("shared/telemetry has %d lines, its wall is %d", n, telemetryWall)
	}
	for _, folder := range functions(t) {
		if n := lines(t, filepath.Join("../functions", folder)); n == 0 || n > functionWall {
			t.Errorf("functions/%s has %d lines, the wall is %d: what in it wants to be a function of its own?", folder, n, functionWall)
		}
	}
	text, err := os.ReadFile("../README.md")
	if n := strings.Count(string(text), "\n"); err != nil || n > readmeWall {
		t.Errorf("README.md has %d lines (%v), its wall is %d", n, err, readmeWall)
	}
}

func functions(t *testing.T) (folders []string) {
	t.Helper()
	entries, err := os.ReadDir("../functions")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	return folders
}

// template.yaml is the only list of functions: each has a folder, each folder is
// in it, and what it does as is written in its main is its name.
func TestRepo_functions(t *testing.T) {
	house, err := template.Load("../template.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := functions(t), house.Names(); !slices.Equal(got, want) {
		t.Errorf("folders   %v\ntemplate  %v", got, want)
	}
	for _, name := range functions(t) {
		main, err := os.ReadFile(filepath.Join("../functions", name, "main.go"))
		if err != nil {
			t.Error(err)
		}
		for _, must := range []string{"// Command " + name + " ", `"` + name + `", `} {
			if !strings.Contains(string(main), must) {
				t.Errorf("functions/%s/main.go does not have %s", name, must)
			}
		}
		if _, err := os.Stat(filepath.Join("../functions", name, "handler_test.go")); err != nil {
			t.Errorf("functions/%s has no handler_test.go", name)
		}
	}
}

func TestRepo_top(t *testing.T) {
	allowed := []string{"LICENSE", "Makefile", "README.md", "functions", "go.mod", "go.sum", "infra", "local", "shared", "template.yaml"}
	out, err := exec.CommandContext(t.Context(), "git", "ls-tree", "--name-only", "HEAD", "..").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		if name = strings.TrimPrefix(name, "../"); !strings.HasPrefix(name, ".") && !slices.Contains(allowed, name) {
			t.Errorf("%s at the top: only %v are", name, allowed)
		}
	}
}

// Each type of event that a function publishes has a schema.
func TestRepo_schemas(t *testing.T) {
	types := regexp.MustCompile(`"(somssi\.[a-z.]+\.v\d+)"`)
	files, err := filepath.Glob("../functions/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range types.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(fmt.Sprintf("../infra/schemas/%s.json", found[1])); err != nil {
				t.Errorf("%s names %s, which has no schema in infra/schemas", file, found[1])
			}
		}
	}
}
