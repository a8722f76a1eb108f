// Package runner runs the functions' binaries as Knative would run their
// containers: with its runtime contract, no more requests at once than
// containerConcurrency allows, held back while a function starts, and started
// again when it dies. It replaces a function by its next revision while requests
// go on, stops one that is idle, and starts it for the next request.
package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Spec says how to run one function.
type Spec struct {
	Name        string
	Binary      string
	Env         []string      // NAME=value
	Concurrency int           // requests at once; 0 is any number
	Idle        time.Duration // after so long without a request it is stopped, until the next; 0 is never
	Revisions   string        // a folder for what Binary was at each start, where Binary is built again while it runs
}

// Runner runs functions.
type Runner struct {
	functions map[string]*function
	say       func(format string, args ...any)
	ctx       context.Context // ends when all are to stop
	cancel    context.CancelFunc
	killed    context.Context // ends when they have had their time
	kill      context.CancelFunc
	mu        sync.Mutex // of the start of revisions and the end of ctx
	running   sync.WaitGroup
}

// Start starts all functions, with their output in logs/<name>.log, and returns
// when all are ready. It says what a person should know, such as restarts.
func Start(ctx context.Context, logs string, specs []Spec, say func(format string, args ...any)) (*Runner, error) {
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	r := &Runner{functions: map[string]*function{}, say: say}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.killed, r.kill = context.WithCancel(context.WithoutCancel(ctx))
	first := map[*function]*revision{}
	for _, spec := range specs {
		f := newFunction(spec, filepath.Join(logs, spec.Name+".log"), r.ctx.Done())
		v, err := r.launch(f)
		if err != nil {
			return nil, errors.Join(err, r.Stop(ctx))
		}
		r.functions[spec.Name], first[f] = f, v
	}
	for f, v := range first {
		if err := r.await(ctx, f, v); err != nil {
			_ = r.Stop(ctx)
			return nil, fmt.Errorf("%s does not start (%w); %s", f.spec.Name, err, v.lastWords())
		}
	}
	return r, nil
}

// Stop tells all functions to finish, and ends those that have not after 30 s or when ctx ends.
func (r *Runner) Stop(ctx context.Context) error {
	r.mu.Lock()
	r.cancel()
	r.mu.Unlock()
	defer r.kill()
	done := make(chan struct{})
	go func() { r.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	case <-time.After(grace):
	}
	r.kill()
	<-done
	return errors.New("some functions did not stop by themselves and were ended")
}

// Function is how one function is reached now.
type Function struct {
	URL      string `json:"url"` // of the revision in service; it takes no request while PID is 0
	Metrics  string `json:"metrics"`
	Revision string `json:"revision"`
	PID      int    `json:"pid"` // 0 while it is not running
}

func (f *function) reached() Function {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.revision
	now := Function{"http://" + v.address(), fmt.Sprintf("http://127.0.0.1:%d/metrics", v.metrics), v.name(), 0}
	if v.process != nil {
		now.PID = v.process.os.Pid
	}
	return now
}

// Functions are all functions by name.
func (r *Runner) Functions() map[string]Function {
	all := map[string]Function{}
	for name, f := range r.functions {
		all[name] = f.reached()
	}
	return all
}

// FreePorts are n ports of this machine that nobody listens on. They are not of
// those that systems give to outgoing connections, and so are still free when a
// process that had one is started again. They are given in turn, from any one on:
// none is given to another while who has it is yet to listen there.
func FreePorts(n int) ([]int, error) {
	var all []int
	for tries := 0; len(all) < n; tries++ {
		port := 20_000 + int((first+turn.Add(1))%12_000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil && tries > 1000 {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		if err == nil {
			defer func() { _ = l.Close() }() // after the last is found, so that all differ
			all = append(all, port)
		}
	}
	return all, nil
}

// first and turn say which port was given last.
var (
	first = rand.Uint32N(12_000)
	turn  atomic.Uint32
)
