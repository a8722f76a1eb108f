package client

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Arrive calls do n times, perSecond on average at the random intervals of seed,
// whether or not those before have returned: as people come, not as they are
// served. While most are under way, one that comes is turned away. It returns how
// many were when all others are done.
func Arrive(ctx context.Context, seed uint64, perSecond float64, n, most int, do func(i int)) (turnedAway int) {
	random, places := rand.New(rand.NewPCG(seed, 0)), make(chan struct{}, most)
	var underWay sync.WaitGroup
	defer underWay.Wait()
	due := time.Now()
	for i := range n {
		due = due.Add(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second)))
		if early := time.Until(due); early > 0 {
			select {
			case <-time.After(early):
			case <-ctx.Done():
				return turnedAway
			}
		}
		select {
		case places <- struct{}{}:
			underWay.Go(func() {
				defer func() { <-places }()
				do(i)
			})
		default:
			turnedAway++
		}
	}
	return turnedAway
}
