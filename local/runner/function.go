package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// function is one function and its process, which comes and goes.
type function struct {
	spec          Spec
	port, metrics int // kept across restarts
	address       string
	log           string
	places        chan struct{} // nil: any number

	mu      sync.Mutex
	process *os.Process
	ready   chan struct{} // closed while the process takes requests
	failed  error         // why it last ended
}

func newFunction(spec Spec, log string) (*function, error) {
	ports, err := FreePorts(2)
	if err != nil {
		return nil, err
	}
	f := &function{spec: spec, port: ports[0], metrics: ports[1], address: fmt.Sprintf("127.0.0.1:%d", ports[0]), log: log, ready: make(chan struct{})}
	if spec.Concurrency > 0 {
		f.places = make(chan struct{}, spec.Concurrency)
	}
	return f, nil
}

// run runs the process once, until it ends by itself or ctx ends it by SIGTERM.
func (f *function) run(ctx context.Context) error {
	out, err := os.OpenFile(f.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	command := exec.Command(f.spec.Binary) //nolint:noctx // it is told to stop by SIGTERM, below
	command.Stdout, command.Stderr = out, out
	command.Env = append([]string{
		fmt.Sprintf("PORT=%d", f.port), fmt.Sprintf("METRICS_PORT=%d", f.metrics),
		"K_SERVICE=" + f.spec.Name, "K_REVISION=" + f.spec.Name + "-00001", "K_CONFIGURATION=" + f.spec.Name,
	}, f.spec.Env...)
	wait, err := startWithParent(command)
	if err == nil {
		f.began(command.Process)
		stop := context.AfterFunc(ctx, func() { _ = command.Process.Signal(syscall.SIGTERM) })
		up, cancel := context.WithCancel(ctx)
		go f.awaitReady(up)
		err = wait()
		cancel()
		stop()
		if err == nil {
			err = errors.New("exit status 0")
		}
	}
	f.ended(err)
	return err
}

func (f *function) began(p *os.Process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.process = p
}

func (f *function) ended(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.process, f.failed = nil, err
	select {
	case <-f.ready:
		f.ready = make(chan struct{})
	default:
	}
}

// awaitReady asks until the process says that it is ready, or ctx ends.
func (f *function) awaitReady(ctx context.Context) {
	for tick := time.NewTicker(5 * time.Millisecond); ctx.Err() == nil; {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", f.metrics), nil)
		if err != nil {
			return
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			f.mu.Lock()
			if ctx.Err() == nil {
				close(f.ready)
			}
			f.mu.Unlock()
			return
		}
		<-tick.C
	}
}

func (f *function) isReady() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready
}

// await waits for the first start, and tells of a process that ends instead.
func (f *function) await(ctx context.Context, longest time.Duration) error {
	for deadline := time.Now().Add(longest); ; {
		select {
		case <-f.isReady():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		f.mu.Lock()
		failed := f.failed
		f.mu.Unlock()
		if failed == nil && time.Now().After(deadline) {
			failed = fmt.Errorf("not ready after %s", longest)
		}
		if failed != nil {
			return fmt.Errorf("%s does not start (%w); its last words, from %s:\n%s", f.spec.Name, failed, f.log, tail(f.log, 5))
		}
	}
}

// enter waits until the function is ready and has a free place.
func (f *function) enter(ctx context.Context) (release func(), err error) {
	if f.places != nil {
		select {
		case f.places <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for one of %d places of %s: %w", cap(f.places), f.spec.Name, ctx.Err())
		}
	}
	release = func() {
		if f.places != nil {
			<-f.places
		}
	}
	select {
	case <-f.isReady():
		return release, nil
	case <-ctx.Done():
		release()
		return nil, fmt.Errorf("wait for %s to be ready: %w", f.spec.Name, ctx.Err())
	}
}

func (f *function) pid() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.process == nil {
		return 0
	}
	return f.process.Pid
}

func (f *function) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.process != nil {
		_ = f.process.Kill()
	}
}

// held gives a place back when an answer was read.
type held struct {
	io.ReadCloser
	release func()
}

func (h *held) Close() error {
	defer h.release()
	return h.ReadCloser.Close()
}

// tail is the last lines of a file.
func tail(file string, lines int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
