package observability

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"somssi/local/template"
)

func runbooks(t *testing.T) (pages []string) {
	t.Helper()
	files, err := filepath.Glob("../runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		pages = append(pages, filepath.Base(file))
	}
	return pages
}

// steps are the commands of a page: for a house under each heading, and for a cluster.
type steps struct{ look, stop, verify, cluster string }

var fence = regexp.MustCompile("(?ms)^```(sh|sh cluster)\n(.*?)^```$")

func read(t *testing.T, page string) (s steps) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../runbooks", page))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, isLook := strings.Cut(string(text), "\n## Look\n")
	look, rest, isStop := strings.Cut(rest, "\n## Stop the harm\n")
	stop, verify, isVerify := strings.Cut(rest, "\n## Verify\n")
	if !isLook || !isStop || !isVerify || !strings.HasPrefix(before, "# "+strings.TrimSuffix(page, ".md")+"\n\n") || strings.Count(string(text), "\n## ") != 3 {
		t.Fatalf("%s: want its alert as title, what it means, and Look, Stop the harm and Verify", page)
	}
	if fences := strings.Count(string(text), "\n```"); fences != 2*len(fence.FindAllString(string(text), -1)) {
		t.Fatalf("%s: all fences are sh or sh cluster", page)
	}
	for section, to := range map[string]*string{look: &s.look, stop: &s.stop, verify: &s.verify} {
		for _, found := range fence.FindAllStringSubmatch(section, -1) {
			if found[1] == "sh" {
				*to += found[2]
			} else {
				s.cluster += found[2]
			}
		}
	}
	if n := strings.Count(s.look, "\n"); n != 3 || s.verify == "" {
		t.Errorf("%s: %d first commands and %q to verify, want 3 and some", page, n, s.verify)
	}
	return s
}

// What is for a cluster is not run here: it is read by a shell, and names what is rendered.
func TestRunbooks_for_a_cluster(t *testing.T) {
	house, err := template.Load("../../template.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	var manifests strings.Builder
	files, err := filepath.Glob("../knative/base/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		manifests.Write(text)
	}
	named := regexp.MustCompile(`serving\.knative\.dev/service=([a-z-]+)|(?:ksvc|kafkasource|deployment/|networkpolicy) ?([a-z-]+)(?: -n somssi|$)`)
	for _, page := range runbooks(t) {
		s := read(t, page)
		command := exec.CommandContext(t.Context(), "bash", "-n")
		command.Stdin = strings.NewReader(s.cluster)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", page, err, out)
		}
		for _, found := range named.FindAllStringSubmatch(s.cluster, -1) {
			name := found[1] + found[2]
			if _, is := house.Functions[name]; !is && !strings.Contains(manifests.String(), "\n  name: "+name+"\n") {
				t.Errorf("%s names %s, which is neither a function nor rendered", page, name)
			}
		}
	}
}

var terminal struct {
	sync.Once
	path string // of what go run ./local is there
	err  error
}

// do runs commands as they stand in the folder of the house, whose go run ./local is built
// once. It returns what they print and whether they worked.
func do(t *testing.T, commands string) (string, error) {
	t.Helper()
	terminal.Do(func() {
		root, err := filepath.Abs("../..")
		if err != nil {
			terminal.err = err
			return
		}
		for link, to := range map[string]string{
			"template.yaml": "template.yaml", "functions": "functions", "infra": "infra", ".somssi/bin": ".somssi/bin",
		} {
			if err := os.Symlink(filepath.Join(root, to), filepath.Join(house.state, link)); err != nil {
				terminal.err = err
				return
			}
		}
		terminal.path = filepath.Join(house.state, "path")
		if terminal.err = os.Mkdir(terminal.path, 0o755); terminal.err != nil {
			return
		}
		local := filepath.Join(house.state, "local")
		if terminal.err = os.WriteFile(filepath.Join(terminal.path, "go"), []byte("#!/bin/sh\nshift 2\nexec "+local+" \"$@\"\n"), 0o755); terminal.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", local, "./local")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			terminal.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if terminal.err != nil {
		t.Fatal(terminal.err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", "eval \"$(go run ./local env)\"\n"+commands)
	command.WaitDelay = time.Second // for what it left behind
	command.Dir = house.state
	command.Env = append(os.Environ(), "PATH="+terminal.path+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	return string(out), err
}

// follow does what a page says, of which the first commands may fail: something is wrong.
func follow(t *testing.T, page string, between func()) (seen string) {
	t.Helper()
	s := read(t, page)
	for line := range strings.Lines(s.look) {
		out, _ := do(t, line)
		seen += out
	}
	between()
	for _, commands := range []string{s.stop, s.verify} {
		out, err := do(t, commands)
		if err != nil {
			t.Fatalf("%s: %v\n%s\n%s", page, err, commands, out)
		}
	}
	return seen
}
