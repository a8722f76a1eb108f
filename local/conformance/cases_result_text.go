package conformance

import (
	"slices"
	"strings"
	"time"
)

// resultTextRows are drawn from the text of the contract beside 9.3. Those on the
// virtual clock have a twin on the real one above: XD10 is D10, XD12 is D12 and
// XD28 is D28.
var resultTextRows = []row{
	{
		id: "XD10", on: both, upstream: "contract 4.2", needs: virtual,
		given: "linear, 100 ms, retry 3", when: "the sink always answers 503", then: "waits of just 100, 200 and 300 ms",
		set: []option{backoff(3, "linear", "PT0.1S")},
		run: wantWaits(func(n int) time.Duration { return time.Duration(n) * 100 * time.Millisecond }, 3),
	},
	{
		id: "XD12", on: both, upstream: "contract 4.2", needs: virtual,
		given: "no policy, 100 ms, retry 3", when: "the sink always answers 503", then: "waits of just 200, 400 and 800 ms",
		set: []option{backoff(3, "", "PT0.1S")},
		run: wantWaits(func(n int) time.Duration { return 100 * time.Millisecond << n }, 3),
	},
	{
		id: "XD25", on: both, upstream: "contract 1.4: durations keep one decimal of a second", needs: virtual,
		given: "linear, PT0.25S, retry 4", when: "the sink always answers 503", then: "waits of just 200, 400, 600 and 800 ms",
		set: []option{backoff(4, "linear", "PT0.25S")},
		run: wantWaits(func(n int) time.Duration { return time.Duration(n) * 200 * time.Millisecond }, 4),
	},
	{
		id: "XD28", on: source, upstream: "contract 4.2: 613.8 s in all", needs: virtual,
		given: "no delivery at all", when: "the sink always answers 500", then: "11 requests, after waits of 0.6 to 307.2 s, which are 613.8 s",
		run: wantWaits(func(n int) time.Duration { return 300 * time.Millisecond << n }, 10),
	},
	{
		id: "XD40", on: both, upstream: "contract 4.2: no maximum", needs: virtual,
		given: "linear, PT0.5S, retry 40", when: "the sink always answers 503", then: "41 requests, the last after 20 s, all within 410 s",
		set: []option{backoff(40, "linear", "PT0.5S")},
		run: wantWaits(func(n int) time.Duration { return time.Duration(n) * 500 * time.Millisecond }, 40),
	},
	{
		id: "XD13", on: both, upstream: "contract 4.2: Retry-After is ignored",
		given: "retry 2, 100 ms", when: "the sink answers 429 with Retry-After: 3600, then 503 with a date, then 200", then: "3 requests by the schedule",
		set: []option{retry(2), dead},
		run: func(c *run) {
			later := time.Now().Add(time.Hour).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
			c.answer("sink", answers(
				Answer{Status: 429, Header: map[string]string{"Retry-After": "3600"}}, Answer{Status: 503, Header: map[string]string{"Retry-After": later}}, Answer{Status: 200},
			))
			c.write(event("a"))
			c.gaps(c.only("sink", 3), 100, 200)
			c.count("dead", 0)
		},
	},
	{
		id: "XD14", on: both, upstream: "contract 4.3: Kne- headers become extensions, and may overwrite",
		given: "a dead letter sink", when: "the sink answers 422 with Kne-Reason, KNE-OTHER and Kne-Knativeerrorcode", then: "the dead letter has them as extensions in lower case, the code overwritten",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 422, Header: map[string]string{"Kne-Reason": "gr\xfcn", "KNE-OTHER": "1", "kne-knativeerrorcode": "7"}}))
			r := event("a", "ce_reason", "the event's")
			c.write(r)
			c.settle()
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "7", "").with("ce-reason", "gr\xfcn", "ce-other", "1"), "")
		},
	},
	{
		id: "XD15", on: both, upstream: "contract 4.3: knativeerrordest is the configured URL, unchanged",
		given: "a sink without a path, at which nobody listens", when: "an event is dead", then: "knativeerrordest has no slash added",
		set: []option{dead, retry(0), sinkURL("http://127.0.0.1:1"), byCommit},
		run: func(c *run) {
			r := event("a")
			c.write(r)
			c.want(c.only("dead", 1)[0], r, small("a").with("ce-knativeerrordest", "http://127.0.0.1:1"), "")
		},
	},
	{
		id: "XD16", on: both, upstream: "contract 4.3: only the last attempt counts",
		given: "retry 1", when: "the sink answers 503, then drops the connection", then: "the dead letter has no code and no data",
		set: []option{dead, retry(1)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 503, Body: "busy"}, Answer{Drop: true}))
			r := event("a")
			c.write(r)
			c.only("sink", 2)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "", ""), "")
		},
	},
	{
		id: "XD17", on: both, upstream: "contract 2.2, 4.3: a dead letter is 1.0",
		given: "a 0.3 event with schemaurl", when: "it is dead", then: "it is 1.0 with dataschema there, and was 0.3 at the sink",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", status(400))
			r := event("a", "ce_specversion", "0.3", "ce_schemaurl", "/schema")
			c.write(r)
			c.one(r, small("a").with("ce-specversion", "0.3", "ce-schemaurl", "/schema"), "")
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "400", "").with("ce-dataschema", "/schema"), "")
		},
	},
	{
		id: "XD18", on: both, upstream: "contract 4.3: extensions of those names are overwritten; an empty body makes no data",
		given: "an event with knativeerrordest and knativeerrordata of its own", when: "the sink answers 400 without a body", then: "dest is overwritten, data is left",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", status(400))
			r := event("a", "ce_knativeerrordest", "http://before", "ce_knativeerrordata", "before")
			c.write(r)
			c.settle()
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "400", "").with("ce-knativeerrordata", "before"), "")
		},
	},
	{
		id: "XD19", on: both, upstream: "contract 4.2: the dead letter sink has its own full set of attempts",
		given: "retry 2", when: "the sink fails always, the dead letter sink twice", then: "3 requests at each, with the waits between them",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", status(500))
			c.answer("dead", statuses(503, 404, 200))
			c.write(event("a"))
			c.gaps(c.only("sink", 3), 100, 200)
			c.gaps(c.count("dead", 3), 100, 200)
		},
	},
	{
		id: "XD20", on: trigger, upstream: "contract 4.3: the reply of a dead letter sink is handled like the subscriber's",
		given: "a dead letter sink", when: "it answers with a CloudEvent", then: "that is in the topic, and delivered",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": status(400)}))
			c.answer("dead", answers(replyEvent("r", "reply")))
			c.write(event("a"))
			c.wait("sink", 2)
			c.ids(c.requests("sink"), "a", "r")
		},
	},
	{
		id: "XD21", on: trigger, upstream: "contract 4.4: what is no readable event",
		given: "retry 2 and a dead letter sink", when: "the sink answers 200 with a broken binary event without a body, one with a body, and a broken structured one",
		then: "the first is success, the others are dead at once with dest only",
		set:  []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{
				"empty":      answers(Answer{Status: 200, Header: map[string]string{"Ce-Specversion": "1.0"}}),
				"broken":     answers(Answer{Status: 200, Body: "x", Header: map[string]string{"Ce-Specversion": "1.0"}}),
				"structured": answers(Answer{Status: 200, Body: "{", Header: map[string]string{"Content-Type": "application/cloudevents+json"}}),
			}))
			all := []string{"empty", "broken", "structured"}
			for _, id := range all {
				c.write(event(id))
			}
			c.only("sink", 3)
			c.ids(c.count("dead", 2), "broken", "structured")
			for _, got := range c.requests("dead") {
				if got.Has("ce-knativeerrorcode") || got.Has("ce-knativeerrordata") || !got.Has("ce-knativeerrordest") {
					c.errorf("the dead letter of %s has code %q and data %q", got.ID(), got.Get("ce-knativeerrorcode"), got.Get("ce-knativeerrordata"))
				}
			}
		},
	},
	{
		id: "XD22", on: trigger, upstream: "contract 4.4: 202 and 204 too, and an event without a body",
		given: "a trigger", when: "its sink answers 202 with a binary event, and 204 with one that has no body", then: "both are published and delivered",
		run: func(c *run) {
			accepted, none := replyEvent("r1", "reply"), replyEvent("r2", "reply")
			accepted.Status, none.Status, none.Body = 202, 204, ""
			c.answer("sink", byID(map[string]script{"a": answers(accepted), "b": answers(none)}))
			c.write(event("a"), event("b"))
			c.wait("sink", 4)
			c.ids(c.requests("sink"), "a", "b", "r1", "r2")
		},
	},
	{
		id: "XD29", on: trigger, upstream: "contract 4.4: only when the reply is produced is it a success",
		given: "retry 2 and a dead letter sink", when: "the sink answers with an event that is too large for Kafka", then: "1 request, 1 dead letter with knativeerrordest only",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			large := replyEvent("r", "reply")
			large.Body = strings.Repeat("x", 2<<20)
			c.answer("sink", byID(map[string]script{"a": answers(large)}))
			r := event("a")
			c.write(r)
			c.only("sink", 1)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "", ""), "")
		},
	},
	{
		id: "XD30", on: trigger, upstream: "contract 6.2: max.request.size=1048576",
		given: "a trigger", when: "its sink answers with an event of 1,020,000 bytes, for which Kafka has just room", then: "it is published and delivered in full",
		run: func(c *run) {
			large := replyEvent("r", "reply")
			large.Body = strings.Repeat("x", 1_020_000)
			c.answer("sink", byID(map[string]script{"a": answers(large)}))
			c.write(event("a"))
			if got := c.wait("sink", 2)[1]; got.ID() != "r" || len(got.Body) != len(large.Body) {
				c.errorf("event %s came with %d bytes", got.ID(), len(got.Body))
			}
		},
	},
	{
		id: "XD23", on: both, upstream: "contract 3: the timeout is for an attempt, and an answer within it is one",
		given: "timeout 10 s, retry 1", when: "the sink takes 300 ms", then: "1 request",
		set: []option{retry(1), timeout("PT10S")},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 200, After: 300 * time.Millisecond}))
			c.write(event("a"))
			c.only("sink", 1)
		},
	},
	{
		id: "XD24", on: both, upstream: "contract 4.3: the first 1024 bytes",
		given: "a dead letter sink", when: "the sink answers 422 with just 1024 bytes", then: "knativeerrordata has all of them",
		set: []option{dead, retry(0)},
		run: wantDead(Answer{Status: 422, Body: largeBody[:1024]}, "422", largeBody[:1024]),
	},
	{
		id: "XD26", on: both, upstream: "contract 4.1: no answer is worth a retry",
		given: "retry 2", when: "the sink drops the connection twice, then accepts", then: "3 requests, no dead letter",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Drop: true}, Answer{Drop: true}, Answer{Status: 200}))
			c.write(event("a"))
			c.only("sink", 3)
			c.count("dead", 0)
		},
	},
	{
		id: "XD27", on: both, upstream: "contract 4.1: the dead letter sink has the same table",
		given: "retry 2", when: "the dead letter sink answers 400", then: "1 request there, and the next record is delivered",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": status(400)}))
			c.answer("dead", status(400))
			c.write(event("a"), event("b"))
			c.inOrder(c.only("sink", 2), "a", "b")
			c.count("dead", 1)
		},
	},
}

// wantWaits lets an event fail to the last, on the virtual clock, and wants just
// these waits, in which requests come apart.
func wantWaits(wait func(n int) time.Duration, retries int) func(*run) {
	return func(c *run) {
		c.answer("sink", status(503))
		c.write(event("a"))
		all := c.only("sink", retries+1)
		var want []time.Duration
		var millis []int
		for n := 1; n <= retries; n++ {
			want = append(want, wait(n))
			millis = append(millis, int(wait(n).Milliseconds()))
		}
		if got := c.sinks.clock.waited(); !slices.Equal(got, want) {
			c.errorf("the waits were %v, want %v", got, want)
		}
		c.gaps(all, millis...)
	}
}
