package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
