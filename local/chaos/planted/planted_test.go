// Package planted tests the tests: it plants mistakes in the functions, and wants
// each to be found.
package planted

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"somssi/local/overlay"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// plant puts patches into o.
func plant(o *overlay.Overlay, patches []patch) error {
	for _, p := range patches {
		if p.text != "" {
			o.Replace(p.file, p.text)
		} else if err := o.Patch(p.file, p.changes...); err != nil {
			return err
		}
	}
	return nil
}

// overlay is the file for -overlay with the bug.
func (b bug) overlay(t *testing.T) string {
	t.Helper()
	o := overlay.New(root(t), t.TempDir())
	if err := plant(o, b.patches); err != nil {
		t.Fatal(err)
	}
	file, err := o.Write()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// try runs what finds the bugs of a package, with the first seeds, in a build that
// file changes, and returns what it says.
func try(t *testing.T, file, in string, seeds int) (said string, passed bool) {
	t.Helper()
	run := "-run=^TestServeFinishesWhatIsInFlight$"
	if seeds > 0 {
		which := make([]string, seeds)
		for i := range which {
			which[i] = fmt.Sprint(i)
		}
		run = "-run=^TestHistory$/^embedded$/^seed_(" + strings.Join(which, "|") + ")$"
	}
	args := []string{"test", "-v", "-vet=off", "-ldflags=-w", "-timeout=60s", run, in}
	if file != "" {
		args = append(args, "-overlay="+file)
	}
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir, command.Env = root(t), append(os.Environ(), "SEED=")
	out, err := command.CombinedOutput()
	return string(out), err == nil
}

// TestHistories plants each bug that the tests of one package are enough for, and
// wants these to find it; they pass without it.
func TestHistories(t *testing.T) {
	t.Parallel()
	most := map[string]int{} // seeds, by package
	builds := make(chan struct{}, 2)
	for _, b := range bugs {
		most[b.in] = max(most[b.in], b.seeds)
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			builds <- struct{}{}
			defer func() { <-builds }()
			said, passed := try(t, b.overlay(t), b.in, b.seeds)
			if passed || !strings.Contains(said, "--- FAIL: Test") || !strings.Contains(said, b.says) {
				t.Errorf("not found by %d seeds of %s:\n%s", b.seeds, b.in, said)
			}
		})
	}
	for in, seeds := range most {
		t.Run("without_a_bug_in_"+filepath.Base(in), func(t *testing.T) {
			t.Parallel()
			builds <- struct{}{}
			defer func() { <-builds }()
			if said, passed := try(t, "", in, seeds); !passed || strings.Count(said, "--- PASS: Test") < seeds {
				t.Errorf("%s", said)
			}
		})
	}
}
