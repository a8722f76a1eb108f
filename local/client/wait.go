package client

import (
	"context"
	"time"
)

// Wait returns once done is true, at most after longest or when ctx ends.
func Wait(ctx context.Context, longest time.Duration, done func() bool) {
	limit, tick := time.After(longest), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return
		case <-limit:
			return
		case <-tick.C:
		}
	}
}
