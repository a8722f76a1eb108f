package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const calm = 100 * time.Millisecond // without a change, before what changed is built

// Watch builds functions again when their sources change, and replaces those
// whose binary is another then, until Stop.
type Watch struct {
	runner   *Runner
	root     string
	bin      string
	template func()
	files    *fsnotify.Watcher
	rung     chan struct{} // has one where something changed
	stop     context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	changed map[string]bool // names of functions, and of what concerns them all
}

// inAll are the folders and files of a repository that can change every binary.
var inAll = []string{"shared", "infra", "go.mod", "go.sum"}

// Watch watches the repository at root, whose binaries Build puts in bin, where
// each Spec has its Binary, and Revisions. It calls template when template.yaml
// was written.
func (r *Runner) Watch(root, bin string, template func()) (*Watch, error) {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch %s: %w", root, err)
	}
	w := &Watch{runner: r, root: root, bin: bin, template: template, files: files, rung: make(chan struct{}, 1), changed: map[string]bool{}}
	err = files.Add(root)
	for _, tree := range append([]string{"functions"}, inAll...) {
		err = errors.Join(err, w.add(filepath.Join(root, tree)))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watch %s: %w", root, err), files.Close())
	}
	ctx, cancel := context.WithCancel(r.ctx)
	w.stop = cancel
	w.running.Go(w.look)
	w.running.Go(func() { w.work(ctx) })
	return w, nil
}

// Stop ends the watch, and a build that goes on.
func (w *Watch) Stop() error {
	w.stop()
	err := w.files.Close()
	w.running.Wait()
	return err
}

// add watches a folder and those in it. What is no folder, or no more, is as well.
func (w *Watch) add(folder string) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case path != folder && ignored(d.Name()):
			return fs.SkipDir
		}
		if err := w.files.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// ignored tells of a file or folder that is in no binary, by its name.
func ignored(name string) bool {
	return name == "testdata" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
}

// look notes what changes until the watcher is closed.
func (w *Watch) look() {
	for {
		select {
		case event, open := <-w.files.Events:
			if !open {
				return
			}
			if event.Op == fsnotify.Chmod {
				continue
			}
			what := w.concerned(event.Name)
			if what == "" {
				continue
			}
			if info, err := os.Stat(event.Name); err == nil && info.IsDir() && event.Has(fsnotify.Create) {
				if err := w.add(event.Name); err != nil {
					w.runner.say("watch: %v", err)
				}
			}
			w.note(what)
		case err, open := <-w.files.Errors:
			if !open {
				return
			}
			w.runner.say("watch: %v: everything is built again", err) // it could not follow
			w.note("everything")
		}
	}
}

// concerned is what a path belongs to: a function, template.yaml, or one of
// inAll; "" where it is none of those or in no binary.
func (w *Watch) concerned(path string) string {
	relative, err := filepath.Rel(w.root, path)
	if err != nil {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(relative), "/")
	switch {
	case slices.ContainsFunc(parts, ignored):
		return ""
	case relative == "template.yaml", slices.Contains(inAll, parts[0]):
		return parts[0]
	case parts[0] == "functions" && len(parts) > 1:
		return parts[1]
	case parts[0] == "functions":
		return "everything"
	}
	return ""
}

func (w *Watch) note(what string) {
	w.mu.Lock()
	w.changed[what] = true
	w.mu.Unlock()
	select {
	case w.rung <- struct{}{}:
	default:
	}
}

// take waits until something has changed and nothing more does for a moment,
// and is what it was; nil where ctx ended.
func (w *Watch) take(ctx context.Context) []string {
	select {
	case <-w.rung:
	case <-ctx.Done():
		return nil
	}
	for {
		select {
		case <-w.rung:
		case <-ctx.Done():
			return nil
		case <-time.After(calm):
			w.mu.Lock()
			defer w.mu.Unlock()
			changed := slices.Sorted(maps.Keys(w.changed))
			clear(w.changed)
			return changed
		}
	}
}
