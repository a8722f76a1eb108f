package source

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var errRefused = errors.New("connection refused")

// answers gives the sink one reply after the other, the last one for ever. The
// dead letter sink accepts.
func answers(replies ...reply) func(call, int) reply {
	return func(c call, n int) reply {
		if c.to != sinkURL {
			return reply{status: 202}
		}
		return replies[min(n, len(replies))-1]
	}
}

func statuses(codes ...int) func(call, int) reply {
	var replies []reply
	for _, code := range codes {
		replies = append(replies, reply{status: code})
	}
	return answers(replies...)
}

// deliverOne sends one record and tells what became of it.
func deliverOne(t *testing.T, c Config, r *kgo.Record) Delivered {
	t.Helper()
	observed := make(chan Delivered, 2)
	c.Observe = func(d Delivered) { observed <- d }
	s, err := newSource(c)
	if err != nil {
		t.Fatal(err)
	}
	if !s.deliver(r) || len(observed) != 1 {
		t.Fatalf("%d times observed", len(observed))
	}
	return <-observed
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	linear, exponential := Delivery{Delay: 100 * ms}, Delivery{Delay: 300 * ms, Exponential: true}
	for name, tc := range map[string]struct {
		answer   func(call, int) reply
		delivery Delivery
		retry    int
		dead     bool
		waits    []time.Duration // between the requests to the sink
		fate     string
		err      string // of the last attempt
	}{
		"D01_accepted_at_last":         {statuses(500, 500, 500, 500, 200), linear, 5, true, []time.Duration{100 * ms, 200 * ms, 300 * ms, 400 * ms}, Done, ""},
		"D02_never_accepted":           {statuses(500), linear, 2, false, []time.Duration{100 * ms, 200 * ms}, Lost, ""},
		"D03_not_retried":              {statuses(400), linear, 5, false, nil, Lost, ""},
		"D04_buried_at_once":           {statuses(422), linear, 5, true, nil, DeadLetter, ""},
		"D08_timeout":                  {func(c call, _ int) reply { return c.hang() }, Delivery{Timeout: 500 * ms}, 2, false, []time.Duration{500 * ms, 500 * ms}, Lost, "deadline exceeded"},
		"D08_ten_minutes":              {func(c call, _ int) reply { return c.hang() }, Delivery{}, 1, false, []time.Duration{10 * time.Minute}, Lost, "deadline exceeded"},
		"D09_refused_first":            {answers(reply{err: errRefused}, reply{err: errRefused}, reply{status: 200}), linear, 5, true, []time.Duration{100 * ms, 200 * ms}, Done, ""},
		"D10_linear":                   {statuses(503), linear, 3, false, []time.Duration{100 * ms, 200 * ms, 300 * ms}, Lost, ""},
		"D12_exponential":              {statuses(503), exponential, 3, false, []time.Duration{600 * ms, 1200 * ms, 2400 * ms}, Lost, ""},
		"D28_the_default_of_a_source":  {statuses(500, 500, 200), exponential, 10, false, []time.Duration{600 * ms, 1200 * ms}, Done, ""},
		"D29_no_retry":                 {statuses(500), Delivery{}, 0, true, nil, DeadLetter, ""},
		"H6_no_delay":                  {statuses(500), Delivery{}, 3, true, []time.Duration{0, 0, 0}, DeadLetter, ""},
		"Retry_After_is_ignored":       {answers(reply{status: 429, header: http.Header{"Retry-After": {"60"}}}, reply{status: 200}), linear, 3, false, []time.Duration{100 * ms}, Done, ""},
		"refused_error_is_told":        {answers(reply{err: errRefused}), Delivery{}, 0, false, nil, Lost, "connection refused"},
		"D33_replies_are_ignored":      {answers(reply{status: 200, body: `{"specversion":"1.0"}`, header: http.Header{"Content-Type": {"application/cloudevents+json"}}}), Delivery{}, 3, true, nil, Done, ""},
		"D33_broken_reply_is_ignored":  {answers(reply{status: 200, body: "ok", header: http.Header{"Ce-Specversion": {"1.0"}}}), Delivery{}, 3, true, nil, Done, ""},
		"D16_dead_letter_gets_nothing": {statuses(204), Delivery{}, 3, true, nil, Done, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				to := &sinks{answer: tc.answer}
				c := testConfig(to)
				c.Delivery, c.Delivery.Retry = tc.delivery, tc.retry
				if tc.dead {
					c.DeadLetterSink = deadURL
				}
				d := deliverOne(t, c, &kgo.Record{Headers: binaryEvent()})
				calls := to.calls(sinkURL)
				if len(calls) != len(tc.waits)+1 {
					t.Fatalf("%d requests, want %d", len(calls), len(tc.waits)+1)
				}
				for i, wait := range tc.waits {
					if got := calls[i+1].at.Sub(calls[i].at); got != wait || calls[i+1].id() != "i" {
						t.Errorf("request %d came after %v, want %v", i+2, got, wait)
					}
				}
				if d.Fate != tc.fate || len(d.Attempts) != len(to.calls()) {
					t.Errorf("%s after %d attempts, want %s after %d", d.Fate, len(d.Attempts), tc.fate, len(to.calls()))
				}
				if got := len(to.calls(deadURL)); (got == 1) != (tc.fate == DeadLetter) {
					t.Errorf("%d dead letters", got)
				}
				if last := d.Attempts[len(d.Attempts)-1]; !strings.Contains(last.Err, tc.err) || (tc.err == "") != (last.Err == "") {
					t.Errorf("error %q, want %q", last.Err, tc.err)
				}
			})
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for want, codes := range map[string][]int{
		"D05_retried":     {404, 408, 409, 429, 500, 501, 502, 503, 504, 599, 600},
		"D06_not_retried": {300, 301, 302, 304, 307, 400, 401, 402, 403, 405, 406, 407, 410, 411, 413, 415, 418, 422, 425, 428, 430, 451, 499},
		"D07_accepted":    {200, 201, 202, 203, 204, 206, 299},
	} {
		for _, code := range codes {
			t.Run(fmt.Sprintf("%s/%d", want, code), func(t *testing.T) {
				t.Parallel()
				to := &sinks{answer: statuses(code)}
				c := testConfig(to)
				c.Delivery.Retry, c.DeadLetterSink = 1, deadURL
				d := deliverOne(t, c, &kgo.Record{})
				requests := map[string]int{"D05_retried": 2, "D06_not_retried": 1, "D07_accepted": 1}[want]
				fate := DeadLetter
				if want == "D07_accepted" {
					fate = Done
				}
				if got := len(to.calls(sinkURL)); got != requests || d.Fate != fate || d.Attempts[0].Status != code {
					t.Errorf("%d requests, %s, want %d, %s", got, d.Fate, requests, fate)
				}
			})
		}
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	source := Delivery{Delay: 300 * time.Millisecond, Exponential: true}
	var total time.Duration
	for n := 1; n <= 10; n++ {
		total += source.Wait(n)
	}
	if total != 613800*time.Millisecond || source.Wait(10) != 307200*time.Millisecond {
		t.Errorf("the default waits %v in all and %v last", total, source.Wait(10))
	}
	for _, d := range []Delivery{source, {Delay: math.MaxInt64 / 2}} {
		for _, n := range []int{40, 62, 63, 64, math.MaxInt32} {
			if got := d.Wait(n); got <= 0 {
				t.Errorf("wait %d of %+v is %v", n, d, got)
			}
		}
	}
	if got := source.Wait(math.MaxInt32); got != math.MaxInt64 {
		t.Errorf("the longest wait is %v", got)
	}
	if got := (Delivery{Exponential: true}).Wait(100); got != 0 {
		t.Errorf("a delay of 0 waits %v", got)
	}
}

// TestStopEndsTheWait: a record that waits for its retry is given up, not
// finished, when the time to stop is over.
func TestStopEndsTheWait(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(call, int) reply{
		"waiting": statuses(500), "in_flight": func(c call, _ int) reply { return c.hang() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 1, func(k *fakeKafka) {
				c := testConfig(&sinks{answer: answer})
				c.Delivery = Delivery{Retry: 5, Delay: time.Hour}
				c.Observe = func(d Delivered) { t.Errorf("observed: %+v", d) }
				k.produce(values(3)...)
				s := k.start(c)
				settle()
				began := time.Now()
				ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
				defer cancel()
				if err := s.Stop(ctx); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took < 3*time.Second || took > 4*time.Second {
					t.Errorf("stopping took %v", took)
				}
				k.wantCommitted(0, -1)
			})
		})
	}
}
