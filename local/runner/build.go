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

// Build compiles the functions in root/functions into dir, one binary each. The
// error of one that does not build has the compiler's own words.
func Build(ctx context.Context, root, dir string, functions []string) error {
	args := []string{"build", "-ldflags=-w", "-o", dir + string(filepath.Separator)} // no debug information: a third of the time
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
		return fmt.Errorf("a function does not build; mend it and start again:\n%s", strings.TrimSpace(string(out)))
	}
	return nil
}
