package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Build compiles the functions in root/functions into dir, one binary each. What
// is there already and up to date is left; anything else becomes another file, so
// that a binary may run meanwhile. The error of one that does not build has the
// compiler's own words; the others are built.
func Build(ctx context.Context, root, dir string, functions []string) error {
	// No debug information, which is a third of the time, and no stamp of the commit, with which every binary is another after each.
	args := []string{"build", "-buildvcs=false", "-ldflags=-w", "-o", dir + string(filepath.Separator)}
	for _, name := range functions {
		if _, err := os.Stat(filepath.Join(root, "functions", name, "main.go")); err != nil {
			return fmt.Errorf("function %s is in template.yaml but has no functions/%s/main.go: write it, or take its block out", name, name)
		}
		args = append(args, "./functions/"+name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", args...)
	build.Dir = root
	out, err := build.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("the command go is not found: install Go from https://go.dev/dl and put it on the PATH")
	}
	if ctx.Err() != nil {
		return fmt.Errorf("build the functions: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("a function does not build; mend it and start again:\n%w", compileError(strings.TrimSpace(string(out))))
	}
	return nil
}

// compileError is what the compiler says.
type compileError string

func (e compileError) Error() string { return string(e) }
