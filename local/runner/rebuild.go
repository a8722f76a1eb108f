package runner

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// work builds what changed, one build at a time: what changes meanwhile is in
// the next one.
func (w *Watch) work(ctx context.Context) {
	left := w.build(ctx, "", slices.Sorted(maps.Keys(w.runner.functions))) // saved while the first build went on
	for ctx.Err() == nil {
		changed := w.take(ctx)
		if at := slices.Index(changed, "template.yaml"); at >= 0 {
			w.template()
			changed = slices.Delete(changed, at, at+1)
		}
		if functions := w.functions(changed, left); len(changed) > 0 && len(functions) > 0 {
			left = w.build(ctx, strings.Join(changed, ", "), functions)
		}
	}
}

// functions are those to be built: those that changed and those left from the last time.
func (w *Watch) functions(changed, left []string) []string {
	all := map[string]bool{}
	for _, name := range left {
		all[name] = true
	}
	for _, what := range changed {
		switch {
		case w.runner.functions[what] != nil:
			all[what] = true
		case what == "everything" || slices.Contains(inAll, what):
			for name := range w.runner.functions {
				all[name] = true
			}
		default:
			if _, err := os.Stat(filepath.Join(w.root, "functions", what, "main.go")); err == nil {
				w.runner.say("functions/%s is not run: give it a block in template.yaml and start again", what)
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// build builds functions and replaces those whose binary is another then. Those
// left did not build or start, and are to be tried again. It is silent for no
// cause where nothing changed.
func (w *Watch) build(ctx context.Context, cause string, functions []string) (left []string) {
	say, began := w.runner.say, time.Now()
	if cause != "" {
		say("%s changed: building", cause)
	}
	left = w.compile(ctx, functions)
	took, same := time.Since(began).Round(10*time.Millisecond), len(left) == 0
	for _, name := range functions {
		if ctx.Err() != nil {
			return nil
		}
		if slices.Contains(left, name) || !w.runner.differs(name) {
			continue
		}
		same = false
		revision, err := w.runner.Replace(ctx, name)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			say("%s rebuilt in %s, but %v", name, took, err)
			left = append(left, name)
		default:
			say("%s rebuilt in %s, revision %d takes over", name, took, revision)
		}
	}
	if same && cause != "" {
		say("built in %s: no function is another", took)
	}
	return left
}

// compile builds functions and says what does not build, which is broken. Go
// builds none where one can not even be loaded: each is then built by itself.
func (w *Watch) compile(ctx context.Context, functions []string) (broken []string) {
	if Build(ctx, w.root, w.bin, functions) == nil {
		return nil
	}
	told := map[string]bool{}
	for _, name := range functions {
		err := Build(ctx, w.root, w.bin, []string{name})
		if err == nil || ctx.Err() != nil {
			continue
		}
		broken = append(broken, name)
		words := err.Error()
		if compiler := compileError(""); errors.As(err, &compiler) {
			words = name + " does not build:\n" + string(compiler)
		}
		if cause := strings.TrimPrefix(words, name); !told[cause] {
			told[cause] = true
			w.runner.say("%s\nwhat runs goes on, and the next save tries again", words)
		}
	}
	return broken
}

// differs tells whether a function's binary is another than what runs.
func (r *Runner) differs(name string) bool {
	f := r.functions[name]
	f.mu.Lock()
	running := f.revision.binary
	f.mu.Unlock()
	a, first := os.Stat(f.spec.Binary)
	b, second := os.Stat(running)
	if errors.Join(first, second) != nil {
		return first == nil // it was never built, or what runs is lost
	}
	if os.SameFile(a, b) {
		return false
	}
	x, first := os.ReadFile(f.spec.Binary)
	y, second := os.ReadFile(running)
	return first == nil && second == nil && !bytes.Equal(x, y)
}
