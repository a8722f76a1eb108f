package template

import (
	"math"
	"time"
)

// Forever stands for any time that is too long to tell.
const Forever = time.Duration(math.MaxInt64)

// Wait is the pause before retry n, which counts from 1: by Knative's formula the first exponential one
// is twice the delay.
func (d Delivery) Wait(n int) time.Duration {
	if d.BackoffPolicy == "linear" {
		return times(time.Duration(d.BackoffDelay), float64(n))
	}
	return times(time.Duration(d.BackoffDelay), math.Pow(2, float64(n)))
}

// Tries are the times of all tries, from the first at 0, where each fails at once.
func (d Delivery) Tries() []time.Duration {
	at := make([]time.Duration, 1, d.Retry+1)
	for n := 1; n <= d.Retry; n++ {
		at = append(at, sum(at[n-1], d.Wait(n)))
	}
	return at
}

// Waits is the sum of all pauses.
func (d Delivery) Waits() time.Duration { return d.Tries()[d.Retry] }

// Longest is how long one event can take at one destination: all pauses, and each try to its timeout.
func (d Delivery) Longest() time.Duration {
	return sum(d.Waits(), times(time.Duration(d.Timeout), float64(d.Retry+1)))
}

func times(d time.Duration, n float64) time.Duration {
	if d == 0 {
		return 0
	}
	if product := float64(d) * n; product < float64(Forever) {
		return time.Duration(product)
	}
	return Forever
}

func sum(a, b time.Duration) time.Duration {
	if a > Forever-b {
		return Forever
	}
	return a + b
}
