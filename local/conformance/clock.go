package conformance

import (
	"context"
	"slices"
	"sync"
	"time"
)

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
