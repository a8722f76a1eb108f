// Package runner runs the functions' binaries as Knative would run their
// containers: with its runtime contract, no more requests at once than
// containerConcurrency allows, held back while a function starts, and started
// again when it dies.
package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Spec says how to run one function.
type Spec struct {
	Name        string
	Binary      string
	Env         []string // NAME=value
	Concurrency int      // requests at once; 0 is any number
}

// Runner runs functions.
type Runner struct {
	functions map[string]*function
	client    *http.Transport
	say       func(format string, args ...any)
	ctx       context.Context
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

// Start starts all functions, with their output in logs/<name>.log, and returns
// when all are ready. It says what a person should know, such as restarts.
func Start(ctx context.Context, logs string, specs []Spec, say func(format string, args ...any)) (*Runner, error) {
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	r := &Runner{functions: map[string]*function{}, say: say, client: &http.Transport{
		MaxIdleConns: 2048, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true,
	}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, spec := range specs {
		f, err := newFunction(spec, filepath.Join(logs, spec.Name+".log"))
		if err != nil {
			return nil, err
		}
		r.functions[spec.Name] = f
		r.running.Go(func() { r.keep(f) })
	}
	for _, f := range r.functions {
		if err := f.await(ctx, 30*time.Second); err != nil {
			_ = r.Stop(ctx)
			return nil, err
		}
	}
	return r, nil
}

// Stop tells all functions to finish, and ends those that have not after 30 s or when ctx ends.
func (r *Runner) Stop(ctx context.Context) error {
	r.cancel()
	done := make(chan struct{})
	go func() { r.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	case <-time.After(30 * time.Second):
	}
	for _, f := range r.functions {
		f.kill()
	}
	<-done
	return errors.New("some functions did not stop by themselves and were ended")
}

// Function is how one function is reached now.
type Function struct {
	URL     string `json:"url"`
	Metrics string `json:"metrics"`
	PID     int    `json:"pid"` // 0 while it is not running
}

// Functions are all functions by name.
func (r *Runner) Functions() map[string]Function {
	all := map[string]Function{}
	for name, f := range r.functions {
		all[name] = Function{"http://" + f.address, fmt.Sprintf("http://127.0.0.1:%d/metrics", f.metrics), f.pid()}
	}
	return all
}

// RoundTrip sends a request whose host begins with a function's name, such as
// update-stats.somssi.svc.cluster.local, to that function. It waits for a
// function that is not ready, as Knative's activator does, and for a free place
// of its concurrency, as its queue proxy does.
func (r *Runner) RoundTrip(request *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(request.URL.Host, ".")
	f := r.functions[name]
	if f == nil {
		return nil, fmt.Errorf("no function %q", name)
	}
	release, err := f.enter(request.Context())
	if err != nil {
		return nil, err
	}
	sent, u := *request, *request.URL
	u.Host, sent.URL = f.address, &u
	response, err := r.client.RoundTrip(&sent)
	if err != nil {
		release()
		return nil, err
	}
	response.Body = &held{response.Body, sync.OnceFunc(release)}
	return response, nil
}

// keep runs f until the runner stops, with growing pauses where it keeps dying.
func (r *Runner) keep(f *function) {
	pause := 100 * time.Millisecond
	for r.ctx.Err() == nil {
		began := time.Now()
		err := f.run(r.ctx)
		if r.ctx.Err() != nil {
			return
		}
		if time.Since(began) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		r.say("%s ended (%v) and is started again in %s; its output is in %s", f.spec.Name, err, pause, f.log)
		select {
		case <-r.ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// FreePorts are n ports of this machine that nobody listens on. They are not of
// those that systems give to outgoing connections, and so are still free when a
// process that had one is started again.
func FreePorts(n int) ([]int, error) {
	var all []int
	for tries := 0; len(all) < n; tries++ {
		port := 20_000 + rand.IntN(12_000)
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
