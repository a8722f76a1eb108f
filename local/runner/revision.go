package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience is how long a revision may take to be ready.
const patience = 30 * time.Second

// revision is one binary of a function at ports of its own, and the process
// that runs it, which comes and goes.
type revision struct {
	spec    Spec
	number  int
	binary  string
	log     string
	ports   // under the function's mutex where another than its keeper reads them
	retired <-chan struct{}
	retire  context.CancelFunc
	outcome chan error // of its first start: nil when it is in service
	words   words
	process *process // under the function's mutex; nil while there is none
}

func (v *revision) name() string { return fmt.Sprintf("%s-%05d", v.spec.Name, v.number) }

// ports are those of a process. They are free when they are chosen; another
// program may be faster.
type ports struct{ port, metrics int }

func (p ports) address() string { return fmt.Sprintf("127.0.0.1:%d", p.port) }

func freePorts() (ports, error) {
	free, err := FreePorts(2)
	if err != nil {
		return ports{}, err
	}
	return ports{free[0], free[1]}, nil
}

// launch makes f's binary its next revision and starts it.
func (r *Runner) launch(f *function) (*revision, error) {
	free, err := freePorts()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.ctx)
	v := &revision{
		spec: f.spec, binary: f.spec.Binary, log: f.log, ports: free,
		retired: ctx.Done(), retire: cancel, outcome: make(chan error, 1),
	}
	f.mu.Lock()
	f.last++
	v.number = f.last
	if f.revision == nil {
		f.revision = v
	}
	f.mu.Unlock()
	if f.spec.Revisions != "" {
		v.binary = filepath.Join(f.spec.Revisions, v.name())
		if err := keepFile(f.spec.Binary, v.binary); err != nil {
			return nil, errors.Join(fmt.Errorf("keep revision %d of %s: %w", v.number, f.spec.Name, err), os.RemoveAll(v.binary))
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return nil, errors.New("the functions are stopping")
	}
	r.running.Go(func() {
		r.keep(ctx, f, v)
		if f.spec.Revisions != "" {
			_ = os.Remove(v.binary)
		}
	})
	return v, nil
}

// keepFile makes a file of its own of what is in from now, without a copy where the file system can.
func keepFile(from, to string) error {
	if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.RemoveAll(to)); err != nil {
		return err
	}
	if os.Link(from, to) == nil {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	syscall.ForkLock.RLock() // a child that is just made would hold it open for writing, and nobody could run it
	defer syscall.ForkLock.RUnlock()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// await waits until v is in service, or tells why it is not.
func (r *Runner) await(ctx context.Context, f *function, v *revision) (err error) {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case err = <-v.outcome:
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = fmt.Errorf("not ready after %s", patience)
	}
	if err == nil || !f.refuse(v) {
		return nil
	}
	return err
}

func (v *revision) lastWords() string {
	return fmt.Sprintf("its last words, from %s:\n%s", v.log, v.words.tail(5))
}

// refuse sends v away. It is false where v came into service after all.
func (f *function) refuse(v *revision) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving != nil && f.serving.revision == v {
		return false
	}
	v.retire()
	if v.process != nil {
		f.out(v.process)
	}
	return true
}

// Replace makes what is in the function's Binary now its next revision. When
// that is ready it gets the requests, also those that wait, and the one before
// it finishes what it has. One that is not ready in 30 s is ended, and the one
// before it stays; the error has its last words.
func (r *Runner) Replace(ctx context.Context, name string) (revision int, err error) {
	f := r.functions[name]
	if f == nil {
		return 0, fmt.Errorf("no function %q", name)
	}
	f.rollout.Lock()
	defer f.rollout.Unlock()
	v, err := r.launch(f)
	if err != nil {
		return 0, err
	}
	if err := r.await(ctx, f, v); err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		return v.number, fmt.Errorf("revision %d of %s does not start (%w), revision %d stays; %s", v.number, name, err, f.revision.number, v.lastWords())
	}
	return v.number, nil
}
