package conformance

import (
	"context"

	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sinks is one HTTP server with the sinks of all cases: /<case>/<name>. It keeps
// every request, also those that come before their case is run.
type sinks struct {
	server  *http.Server
	serving sync.WaitGroup
	address string

	mu    sync.Mutex
	cases map[string]*caseSinks
}

// caseSinks are those of one case.
type caseSinks struct {
	mu       sync.Mutex
	requests []*Request
	now      map[string]int // requests that wait for their answer, by sink
	most     map[string]int // that ever did at once
	scripts  map[string]script
	changed  chan struct{}   // closed and replaced when there is news
	settled  map[string]bool // sink and id of the records that only show that
	clock    clock
}

// script says what a sink answers to a request. n counts the requests with the
// same event id at that sink, from 1. It may wait.
type script func(r Request, n int) Answer

// listen opens the server at address.
func listen(address string) (*sinks, error) {
	s := &sinks{cases: map[string]*caseSinks{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	return s, s.also(address)
}

// also lets the server listen at one more address.
func (s *sinks) also(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the requests of the cases: %w", err)
	}
	if s.address == "" {
		s.address = l.Addr().String()
	}
	s.serving.Go(func() { _ = s.server.Serve(l) }) // it ends with close
	return nil
}

// listenAnywhere opens the server where two more ports are free behind it, for
// sinks at which somebody listens later. It looks below those ports that systems
// give to outgoing connections, any of which could take them meanwhile.
func listenAnywhere() (s *sinks, err error) {
	for range 50 {
		port := 10000 + rand.IntN(20000)
		if err = free(port+1, port+2); err != nil {
			continue
		}
		if s, err = listen(local(port)); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func free(ports ...int) error {
	for _, port := range ports {
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			return err
		}
		_ = l.Close()
	}
	return nil
}

// close ends all connections, also those that a case left hanging.
func (s *sinks) close() {
	_ = s.server.Close()
	s.serving.Wait()
}

func (s *sinks) of(id string) *caseSinks {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cases[id]
	if c == nil {
		c = &caseSinks{
			now: map[string]int{}, most: map[string]int{}, scripts: map[string]script{},
			changed: make(chan struct{}), settled: map[string]bool{},
		}
		s.cases[id] = c
	}
	return c
}

func (s *sinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.of(id).serve(w, r, name)
}

func (c *caseSinks) serve(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // it never came in full, so it is no request
	}
	got := received(r, name, body)
	if strings.HasPrefix(got.ID(), settlePrefix) {
		c.settle(*got)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	answer, n := c.keep(got)
	defer c.ended(name)
	a := Answer{Status: http.StatusNoContent}
	if answer != nil {
		a = answer(*got, n)
	}
	a.wait(r.Context())
	c.answered(got)
	a.write(w)
}

// keep notes a request, and gives the script that answers it.
func (c *caseSinks) keep(got *Request) (answer script, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got.At = c.clock.now()
	c.requests = append(c.requests, got)
	c.now[got.Sink]++
	c.most[got.Sink] = max(c.most[got.Sink], c.now[got.Sink])
	for _, r := range c.requests {
		if r.Sink == got.Sink && r.ID() == got.ID() {
			n++
		}
	}
	c.tell()
	return c.scripts[got.Sink], n
}

// answered is noted before the answer is sent, so that what the sender does
// because of it comes later.
func (c *caseSinks) answered(r *Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.Answered = c.clock.now()
}

func (c *caseSinks) ended(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now[name]--
	c.tell()
}

func (c *caseSinks) settle(r Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled[r.Sink+" "+r.ID()] = true
	c.tell()
}

// tell wakes those who wait for news; c.mu is held.
func (c *caseSinks) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// wait returns nil as soon as ok, which is asked with c.mu held after each change.
func (c *caseSinks) wait(ctx context.Context, ok func() bool) error {
	for {
		c.mu.Lock()
		good, changed := ok(), c.changed
		c.mu.Unlock()
		if good {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// at are the requests so far at one sink, or at all.
func (c *caseSinks) at(name string) (found []Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		if name == "" || r.Sink == name {
			found = append(found, *r)
		}
	}
	return found
}

// clock is the real one, put forward by the waits that were not waited.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	waits []time.Duration // all that were
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) waited() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.waits)
}

// sleep is a wait of the virtual clock.
func (c *clock) sleep(ctx context.Context, d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	c.waits = append(c.waits, d)
	return ctx.Err() == nil
}
