package client

import (
	"slices"
	"time"
)

// Latency is the median and the 99th percentile of some times, in milliseconds; 0
// of none.
func Latency(all []time.Duration) (median, p99 float64) {
	if len(all) == 0 {
		return 0, 0
	}
	all = slices.Sorted(slices.Values(all))
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return ms(all[len(all)/2]), ms(all[len(all)*99/100])
}
