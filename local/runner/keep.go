package runner

import (
	"context"
	"strings"
	"time"
)

// keep runs v until ctx ends, with growing pauses where it keeps dying. A
// revision that dies before it was in service is not started again.
func (r *Runner) keep(ctx context.Context, f *function, v *revision) {
	pause := 100 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		err := r.run(ctx, f, v)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			r.say("%s idle for %s: stopped", v.spec.Name, v.spec.Idle)
			f.sleep(ctx)
			continue
		}
		if elsewhere, unknown := v.evade(f); elsewhere && unknown == nil {
			continue
		}
		select {
		case v.outcome <- err:
		default:
		}
		if !f.has(v) {
			return
		}
		if time.Since(began) > 10*time.Second {
			pause = 100 * time.Millisecond
		}
		r.say("%s ended (%v) and is started again in %s; its output is in %s", v.spec.Name, err, pause, v.log)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// evade gives v other ports where another program took one of its own.
func (v *revision) evade(f *function) (taken bool, err error) {
	if !strings.Contains(v.words.tail(5), "address already in use") {
		return false, nil
	}
	free, err := freePorts()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		v.ports = free
	}
	return true, err
}

// has tells whether v is the revision in service.
func (f *function) has(v *revision) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revision == v
}

// run runs v once. Its error is how it ended; nil where it was told to, be it by ctx or for being idle.
func (r *Runner) run(ctx context.Context, f *function, v *revision) error {
	p, err := v.start()
	if err != nil {
		return err
	}
	defer context.AfterFunc(r.killed, func() { _ = p.os.Kill() })()
	f.holds(v, p)
	defer f.holds(v, nil)
	defer f.leave(p)
	go func() {
		if p.ready(ctx) {
			r.inService(f, p)
		}
	}()
	for check := f.checks(); ; {
		select {
		case <-p.ended:
			return p.err
		case <-ctx.Done():
			f.leave(p)
			r.finish(p)
			return nil
		case <-check:
			rest := f.idle(p)
			if rest == 0 {
				r.finish(p)
				return nil
			}
			check = time.After(rest)
		}
	}
}

func (r *Runner) finish(p *process) {
	if !p.finish() {
		r.say("%s did not stop in %s and was ended, with what it had in flight", p.revision.name(), grace)
	}
}

func (f *function) holds(v *revision, p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.process = p
}

// inService puts p in service and tells those who wait for it.
func (r *Runner) inService(f *function, p *process) {
	f.mu.Lock()
	waiting, first, by := f.waiting, f.first, f.by
	f.mu.Unlock()
	if !f.takeOver(p) {
		return
	}
	select {
	case p.revision.outcome <- nil:
	default:
	}
	if waiting > 0 && f.spec.Idle > 0 {
		r.say("%s started in %s by %s", f.spec.Name, time.Since(first).Round(time.Millisecond), by)
	}
}

// checks is when to look first whether the function is idle: never where it may not be.
func (f *function) checks() <-chan time.Time {
	if f.spec.Idle == 0 {
		return nil
	}
	return time.After(f.spec.Idle)
}

// idle takes p out of service where nothing was in flight for as long as that
// takes; otherwise it is when to look again.
func (f *function) idle(p *process) (rest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.serving != p || p.inFlight > 0 {
		return f.spec.Idle
	}
	if rest := f.spec.Idle - time.Since(p.since); rest > 0 {
		return rest
	}
	f.out(p)
	return 0
}

// sleep waits until a request does, or ctx ends.
func (f *function) sleep(ctx context.Context) {
	for {
		f.mu.Lock()
		waiting := f.waiting
		f.mu.Unlock()
		if waiting > 0 {
			return
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
	}
}
