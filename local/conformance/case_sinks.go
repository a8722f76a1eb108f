package conformance

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
)

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
