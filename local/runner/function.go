package runner

import (
	"context"
	"fmt"
	"net/http"
	"strings"
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

// enter waits until the function is ready and has a free place. Where it had to
// wait for a start, cold is how long.
func (f *function) enter(request *http.Request) (p *process, cold time.Duration, err error) {
	ctx, arrived, waited := request.Context(), time.Now(), false
	for {
		p, changed := f.look(request, arrived)
		if p == nil {
			waited = true
			err := f.wait(ctx, changed)
			f.mu.Lock()
			f.waiting--
			f.mu.Unlock()
			if err != nil {
				return nil, 0, err
			}
			continue
		}
		if p.places != nil {
			select {
			case p.places <- struct{}{}:
			case <-changed:
				continue
			case <-ctx.Done():
				return nil, 0, fmt.Errorf("wait for one of %d places of %s: %w", cap(p.places), f.spec.Name, ctx.Err())
			}
		}
		if !f.admit(p) {
			p.giveBack()
			continue
		}
		if waited {
			cold = max(0, p.readyAt.Sub(arrived))
		}
		return p, cold, nil
	}
}

// look is what serves now, or else counts one more that waits and wakes what sleeps.
func (f *function) look(request *http.Request, arrived time.Time) (*process, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving == nil {
		if f.waiting++; f.waiting == 1 {
			f.first, f.by = arrived, "a request"
			if isEvent(request.Header) {
				f.by = "an event"
			}
		}
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
	return f.serving, f.changed
}

// isEvent tells a CloudEvent from another request. Sources write their headers in their own case.
func isEvent(header http.Header) bool {
	for name := range header {
		if strings.EqualFold(name, "Ce-Id") {
			return true
		}
	}
	return false
}

func (f *function) wait(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for %s to be ready: %w", f.spec.Name, ctx.Err())
	case <-f.stopped:
		return fmt.Errorf("%s is stopping", f.spec.Name)
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
	}
}
