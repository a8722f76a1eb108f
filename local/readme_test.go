package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// The five steps of the README, done in a copy of the repository.
func TestReadme_adds_a_function(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a whole house of its own")
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, steps, _ := strings.Cut(string(readme), "## Add a function")
	_, steps, _ = strings.Cut(steps, "```sh\n")
	steps, _, _ = strings.Cut(steps, "```")
	steps, last, found := strings.Cut(steps, "# 5. ")
	_, send, foundSend := strings.Cut(last, "go run ./local send new_talent_events ")
	if !found || !foundSend || !strings.HasSuffix(last, "make run\n") {
		t.Fatalf("the steps have changed; this test has to follow them:\n%s# 5. %s", steps, last)
	}
	root := t.TempDir()
	shell(t, "..", `git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "`+root+`"`)
	shell(t, root, steps)

	o := options(t, t.TempDir())
	o.Root = root
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	file, _, _ := strings.Cut(send, "\n")
	event, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	write(t, h, string(event))
	eventtest.Eventually(t, "greet-seller done", func() string {
		for _, d := range h.History.After(0) {
			if d.Function == "greet-seller" {
				return d.Function + " " + d.Fate
			}
		}
		return "nothing"
	})
}

func shell(t *testing.T, dir, script string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
}

// What the README links to and names is there.
func TestReadme_links(t *testing.T) {
	for _, file := range []string{"../README.md", "README.md", "../infra/README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(text), "](")[1:] {
			link, _, _ := strings.Cut(part, ")")
			link, _, _ = strings.Cut(link, "#")
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), link)); err != nil && !strings.HasPrefix(link, "http") {
				t.Errorf("%s links to %s: %v", file, link, err)
			}
		}
	}
}
