package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	handover = time.Second      // by then a function has read what was sent to it
	grace    = 30 * time.Second // for what is in flight, between SIGTERM and SIGKILL
)

// process is one process of a revision, from its start to its end.
type process struct {
	revision *revision
	ports
	os      *os.Process
	client  *http.Transport // its own, so that no connection to one before it is used again
	places  chan struct{}   // for what it does at once; nil: any number
	pending chan struct{}   // for that and what waits for a place
	ended   chan struct{}   // closed when it has, with err
	err     error

	// Under the mutex of its function:
	left       bool          // it gets no more requests
	settled    chan struct{} // closed when it has left and is known to have read all that it got
	unanswered int           // requests whose answer has not begun
	inFlight   int           // requests whose answer was not read to its end
	since      time.Time     // none is in flight since then
	readyAt    time.Time
}

// start starts a process of v.
func (v *revision) start() (*process, error) {
	out, err := os.OpenFile(v.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	v.words.begin(out)
	command := exec.Command(v.binary) //nolint:noctx // it is told to stop by SIGTERM, in finish
	command.Stdout, command.Stderr = &v.words, &v.words
	command.WaitDelay = time.Second // for its output, if it left children that hold it
	command.Env = append([]string{
		fmt.Sprintf("PORT=%d", v.port), fmt.Sprintf("METRICS_PORT=%d", v.metrics),
		"K_SERVICE=" + v.spec.Name, "K_REVISION=" + v.name(), "K_CONFIGURATION=" + v.spec.Name,
	}, v.spec.Env...)
	wait, err := StartWithParent(command, syscall.SIGKILL)
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	p := &process{
		revision: v, ports: v.ports, os: command.Process, ended: make(chan struct{}), settled: make(chan struct{}),
		client: &http.Transport{MaxIdleConns: 2048, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true},
	}
	if v.spec.Concurrency > 0 {
		p.places = make(chan struct{}, v.spec.Concurrency)
		p.pending = make(chan struct{}, v.spec.Concurrency*(1+queuedPerPlace))
	}
	go func() {
		defer close(p.ended)
		if p.err = wait(); p.err == nil {
			p.err = errors.New("exit status 0")
		}
		_ = out.Close()
		p.client.CloseIdleConnections()
	}()
	return p, nil
}

// ready waits until p says that it is ready, and listens: it may say so first.
// It is false where p or ctx ends instead.
func (p *process) ready(ctx context.Context) bool {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !p.saysReady(ctx) || !p.listens(ctx) {
		select {
		case <-tick.C:
		case <-p.ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (p *process) saysReady(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", p.metrics), http.NoBody)
	if err != nil {
		return false
	}
	response, err := p.client.RoundTrip(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

func (p *process) listens(ctx context.Context) bool {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", p.address())
	return err == nil && connection.Close() == nil
}

// finish tells p, which has left, to end, and waits until it has; it is false
// where p had to be ended. What is in flight is finished first. A function that is told to stop closes connections
// on which it has not yet read a request, so it is told when all have reached it.
func (p *process) finish() bool {
	select {
	case <-p.settled:
	case <-p.ended:
	case <-time.After(handover):
	}
	_ = p.os.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return true
	case <-time.After(grace):
		_ = p.os.Kill()
		<-p.ended
		return false
	}
}

// words writes what a process says to its log, and keeps the last of it: the
// log has what others say too.
type words struct {
	file *os.File
	mu   sync.Mutex
	last []byte
}

func (w *words) begin(file *os.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.file, w.last = file, nil
}

func (w *words) Write(text []byte) (int, error) {
	w.mu.Lock()
	if w.last = append(w.last, text...); len(w.last) > 8192 {
		w.last = append(w.last[:0], w.last[len(w.last)-4096:]...)
	}
	w.mu.Unlock()
	return w.file.Write(text)
}

// tail is the last lines.
func (w *words) tail(lines int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := strings.Split(strings.TrimSpace(string(w.last)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
