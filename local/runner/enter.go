package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// How many requests may wait, as in Knative: for one of n places in the queue proxy, and for a process in the activator.
const (
	queuedPerPlace = 10
	queuedForStart = 10_000
)

// errQueueFull is a request too many. Its words are Knative's.
var errQueueFull = errors.New("pending request queue full")

// enter waits until the function is ready and has a free place. Where it had to
// wait for a start, cold is how long. Where too many wait already it fails at once.
func (f *function) enter(request *http.Request) (p *process, cold time.Duration, err error) {
	ctx, arrived, waited := request.Context(), time.Now(), false
	for {
		p, changed := f.look(request, arrived)
		if p == nil && changed == nil {
			return nil, 0, errQueueFull
		}
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
			case p.pending <- struct{}{}:
			default:
				return nil, 0, errQueueFull
			}
			select {
			case p.places <- struct{}{}:
			case <-changed:
				<-p.pending
				continue
			case <-ctx.Done():
				<-p.pending
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

// look is what serves now, or else counts one more that waits and wakes what
// sleeps. It is nothing where too many wait.
func (f *function) look(request *http.Request, arrived time.Time) (*process, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving == nil {
		if f.waiting == queuedForStart {
			return nil, nil
		}
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
