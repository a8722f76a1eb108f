package source

import (
	"context"
	"math"
	"net/http"
	"time"
)

// Wait is the back-off before the nth retry, n from 1. It has no upper limit
// and no jitter.
func (d Delivery) Wait(n int) time.Duration {
	factor := int64(n)
	if d.Exponential {
		if n > 62 {
			n = 62
		}
		factor = 1 << n
	}
	if d.Delay > 0 && factor > math.MaxInt64/int64(d.Delay) {
		return math.MaxInt64
	}
	return d.Delay * time.Duration(factor)
}

// send attempts a request until it is accepted, not worth another attempt, or
// out of retries, and notes each attempt. It is not ok if the source was
// stopped meanwhile: then nothing is known about the event.
func (s *Source) send(to *sink, h http.Header, data []byte, d *Delivered) (last answer, ok bool) {
	for n := 0; ; n++ {
		wait := time.Duration(0)
		if n > 0 {
			wait = s.config.Delivery.Wait(n)
		}
		if !sleep(s.work, wait) {
			return answer{}, false
		}
		began := time.Now()
		last = s.post(s.work, to, h, data)
		if !last.accepted() && s.work.Err() != nil {
			return answer{}, false
		}
		d.Attempts = append(d.Attempts, attempted(to, wait, time.Since(began), last))
		if last.accepted() || !last.worthRetrying() || n >= s.config.Delivery.Retry {
			return last, true
		}
	}
}

func attempted(to *sink, wait, took time.Duration, a answer) Attempt {
	out := Attempt{To: to.address, Wait: wait, Took: took, Status: a.status}
	if a.err != nil {
		out.Err = a.err.Error()
	}
	return out
}

// sleep reports whether the whole wait passed before ctx ended.
func sleep(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
