package source

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The states of an event in flight.
const (
	// Attempting is that a request is under way.
	Attempting = "attempting"
	// Waiting is the back-off before an attempt.
	Waiting = "waiting"
	// Held is that the source is paused.
	Held = "held"
)

// flight is one record on its way, from its turn to its fate.
type flight struct {
	mu    sync.Mutex
	d     Delivered
	state string
	since time.Time
	until time.Time // of Waiting
}

func (f *flight) to(state string, until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.state, f.since, f.until = state, time.Now(), until
}

func (f *flight) note(a Attempt) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.d.Attempts = append(f.d.Attempts, a)
}

// flights are all of a source.
type flights struct {
	mu  sync.Mutex
	all map[*flight]struct{}
}

func (fs *flights) begin(r *kgo.Record) *flight {
	now := time.Now()
	f := &flight{state: Attempting, since: now, d: Delivered{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Taken: now, Attempts: make([]Attempt, 0, 1),
	}}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.all[f] = struct{}{}
	return f
}

func (fs *flights) end(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	delete(fs.all, f)
}

// rest waits before an attempt, by the source's clock. It is false if the source
// was stopped meanwhile.
func (s *Source) rest(f *flight, wait time.Duration) bool {
	if wait <= 0 {
		return s.work.Err() == nil
	}
	f.to(Waiting, time.Now().Add(wait))
	if s.config.Sleep != nil {
		return s.config.Sleep(s.work, wait)
	}
	return sleep(s.work, wait)
}

// sleep reports whether the whole wait passed before ctx ended.
func sleep(ctx context.Context, wait time.Duration) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
