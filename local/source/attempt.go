package source

import (
	"math"
	"net/http"
	"strconv"
	"strings"
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
func (s *Source) send(to *sink, h http.Header, data []byte, f *flight) (last answer, ok bool) {
	wait := time.Duration(0)
	for n := 0; ; {
		if !s.rest(f, wait) || !s.gate.pass(s.poll, func() { f.to(Held, time.Time{}) }) {
			return answer{}, false
		}
		f.to(Attempting, time.Time{})
		began := time.Now()
		last = s.post(s.work, to, h, data)
		if !last.accepted() && s.work.Err() != nil {
			return answer{}, false
		}
		a := attempted(to, wait, time.Since(began), last)
		a.Dead = to == s.dead
		a.Broke = !last.accepted() && s.gate.broke()
		f.note(a)
		switch {
		case a.Broke: // and is made again when somebody let it through
			wait = 0
		case last.accepted() || !last.worthRetrying() || n >= s.config.Delivery.Retry:
			return last, true
		default:
			n++
			wait = s.config.Delivery.Wait(n)
		}
	}
}

func attempted(to *sink, wait, took time.Duration, a answer) Attempt {
	out := Attempt{To: to.address, Wait: wait, Took: took, Cold: coldStart(a.header), Status: a.status}
	if a.err != nil {
		out.Err = a.err.Error()
	}
	if !a.accepted() {
		out.Answer, out.Again = a.body, a.worthRetrying()
	}
	return out
}

// coldStart is what an answer says of the time in which its function was
// started: Server-Timing: cold;dur=<ms>.
func coldStart(h http.Header) time.Duration {
	_, ms, _ := strings.Cut(h.Get("Server-Timing"), "cold;dur=")
	n, err := strconv.ParseFloat(ms, 64)
	if err != nil {
		return 0 // there was none
	}
	return time.Duration(n * float64(time.Millisecond))
}
