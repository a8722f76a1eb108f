package runner

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

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
