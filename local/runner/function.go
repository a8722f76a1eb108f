package runner

import (
	"sync"
	"time"
)

// function is one function: the revision that serves it, and what waits for it.
type function struct {
	spec    Spec
	log     string
	stopped <-chan struct{}
	wake    chan struct{} // has one where a request waits
	rollout sync.Mutex    // one at a time

	mu       sync.Mutex
	last     int           // the number of the newest revision, be it in service or not
	revision *revision     // in service
	serving  *process      // of revision; nil while none takes requests
	changed  chan struct{} // closed when serving is another
	waiting  int           // requests that wait for serving
	first    time.Time     // when the first of them came
	by       string        // what it is
}

func newFunction(spec Spec, log string, stopped <-chan struct{}) *function {
	return &function{spec: spec, log: log, stopped: stopped, wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

// serve sets what new requests go to. Those that wait look again.
func (f *function) serve(p *process) {
	f.serving = p
	close(f.changed)
	f.changed = make(chan struct{})
}

// takeOver puts p, which is ready, in service, and sends away the revision
// before it. It is false where p ended or was sent away itself meanwhile.
func (f *function) takeOver(p *process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.left || p.revision.number < f.revision.number {
		return false
	}
	if before := f.revision; before != p.revision {
		before.retire()
	}
	p.readyAt, p.since = time.Now(), time.Now()
	f.revision = p.revision
	f.serve(p)
	return true
}

// leave takes p out of service: it gets no more requests.
func (f *function) leave(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out(p)
}

func (f *function) out(p *process) {
	if p.left {
		return
	}
	p.left = true
	if p.unanswered == 0 {
		close(p.settled)
	}
	if f.serving == p {
		f.serve(nil)
	}
}

// admit counts one more in flight at p, unless it left.
func (f *function) admit(p *process) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.left {
		return false
	}
	p.unanswered++
	p.inFlight++
	return true
}

// answered counts an answer that has begun, or will not come.
func (f *function) answered(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.unanswered--; p.unanswered == 0 && p.left {
		close(p.settled)
	}
}

// release counts a request that is over.
func (f *function) release(p *process) {
	p.giveBack()
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.inFlight--; p.inFlight == 0 {
		p.since = time.Now()
	}
}

func (p *process) giveBack() {
	if p.places != nil {
		<-p.places
		<-p.pending
	}
}
