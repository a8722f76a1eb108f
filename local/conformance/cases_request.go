package conformance

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
)

// requestRows are 9.2: what a request is like.
var requestRows = []row{
	{
		id: "W01", on: both, upstream: "WebClientCloudEventSenderTest.shouldWebClient",
		given: "a sink with a path and a query", when: "an event is delivered", then: "POST, HTTP/1.1, just that path and query, and the sink's authority as host",
		set: []option{sinkPath("sink/a%20b/%C3%A9?x=1&y=%2F&z")},
		run: func(c *run) {
			c.write(event("a"))
			c.settle()
			all := c.requests("")
			if len(all) != 1 {
				c.fatalf("%d requests, want 1", len(all))
			}
			got := all[0]
			if got.Host != strings.TrimPrefix(c.setup.sinks, "http://") {
				c.errorf("host is %s, want %s", got.Host, c.setup.sinks)
			}
			if want := "/" + c.id + "/sink/a%20b/%C3%A9?x=1&y=%2F&z"; got.Method != "POST" || got.Proto != "HTTP/1.1" || got.Target != want {
				c.note(wrong{what: "the request line is another", expected: "POST " + want + " HTTP/1.1", received: got.Method + " " + got.Target + " " + got.Proto})
			}
		},
	},
	{
		id: "W02", on: both, upstream: "feature.go BrokerPreferHeaderCheck",
		given: "a dead letter sink", when: "an event is delivered to the sink, and another to the dead letter sink", then: "Prefer: reply on both",
		set: []option{dead, retry(0)},
		run: wantHeaderOnBoth("prefer", func(*run) string { return "reply" }),
	},
	{
		id: "W03", on: both, upstream: "feature.go",
		given: "a dead letter sink", when: "an event is delivered to the sink, and another to the dead letter sink", then: "Kn-Namespace is the namespace on both",
		set: []option{dead, retry(0)},
		run: wantHeaderOnBoth("kn-namespace", func(c *run) string { return c.namespace }),
	},
	{
		id: "W04", on: both, upstream: "BrokerDeliverLongMessage; 900 KiB: code",
		given: "bodies of 36,864 bytes and of 900 KiB", when: "they are delivered", then: "each comes once, with the same bytes",
		run: func(c *run) {
			bodies := map[string]string{"a": strings.Repeat("0123456789abcdef", 36864/16), "b": strings.Repeat("x", 900<<10)}
			wantBodies(c, bodies)
		},
	},
	{
		id: "W07", on: both, upstream: "code",
		given: "a body of all 256 bytes", when: "it is delivered", then: "it has the same bytes",
		run: func(c *run) {
			var all [256]byte
			for i := range all {
				all[i] = byte(i)
			}
			wantBodies(c, map[string]string{"a": string(all[:])})
		},
	},
	{
		id: "W08", on: source, upstream: "code; CORET/observability/tracing",
		given: "a record with a valid traceparent", when: "it is delivered", then: "traceparent has the same trace and another span",
		run: func(c *run) {
			const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
			c.write(event("a", "traceparent", "00-"+trace+"-"+span+"-01"))
			parts := strings.Split(c.only("sink", 1)[0].Get("traceparent"), "-")
			if len(parts) != 4 || parts[1] != trace || parts[2] == span || len(parts[2]) != 16 {
				c.errorf("traceparent is %q, want trace %s and a span other than %s", strings.Join(parts, "-"), trace, span)
			}
		},
	},
	{
		id: "W09", on: both, upstream: "code",
		given: "two events, the second written when the first was accepted", when: "they are delivered", then: "over one connection",
		run: func(c *run) {
			c.write(event("a"))
			c.only("sink", 1)
			c.write(event("b"))
			if got := c.only("sink", 2); got[0].Remote != got[1].Remote {
				c.errorf("they came from %s and %s", got[0].Remote, got[1].Remote)
			}
		},
	},
	{
		id: "W10", on: both, upstream: "shouldNotRetryNonRetryableStatusCodes; redirect: code",
		given: "retries and a dead letter sink", when: "the sink answers 302 with a Location", then: "nothing comes there, nothing is retried, the dead letter has code 302",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 302, Header: map[string]string{"Location": c.url("elsewhere")}}))
			r := event("a")
			c.write(r)
			c.only("sink", 1)
			c.count("elsewhere", 0)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "302", ""), "")
		},
	},
	{
		id: "XW01", on: both, upstream: "contract 3: values are not percent-encoded",
		given: "header values and extensions beyond ASCII", when: "they are delivered",
		then: "up to U+00FF each character is that byte, and beyond a ? for each UTF-16 unit",
		run: func(c *run) {
			r := event("a", "ce_subject", "grüße", "ce_ext", "솜씨 😀\tÿ", "content-type", "text/plain; x=\"é%20\"")
			s := structured("b", `,"subject":"grüße","ext":"\u00fc%"`)
			c.write(r, s)
			all := c.only("sink", 2)
			c.want(all[0], r, small("a").with("ce-subject", "gr\xfc\xdfe", "ce-ext", "?? ??\t\xff", "content-type", "text/plain; x=\"\xe9%20\""), "")
			c.want(all[1], s, small("b").with("ce-subject", "gr\xfc\xdfe", "ce-ext", "\xfc%"), "")
		},
	},
	{
		id: "XW02", on: both, upstream: "contract 3: content-type only if the event has one",
		given: "an event with a body and without a content type", when: "it is delivered", then: "no content type is invented",
		run: func(c *run) {
			r := event("a")
			r.Value = []byte(`{"a":1}`)
			c.write(r)
			c.one(r, small("a"), `{"a":1}`)
		},
	},
	{
		id: "XW03", on: both, upstream: "contract 3: one record is one POST; no batches",
		given: "twenty events written at once", when: "they are delivered", then: "in twenty requests",
		run: func(c *run) {
			var records []*kgo.Record
			for i := range 20 {
				records = append(records, event(fmt.Sprint("e", i)))
			}
			c.write(records...)
			c.each("sink", records, func(_ *kgo.Record, id string) (fields, string) { return small(id), "" })
		},
	},
	{
		id: "XW04", on: both, upstream: "contract 3: baggage and tracestate travel with a trace",
		given: "a record with traceparent and tracestate, one with a broken traceparent", when: "they are delivered",
		then: "the first continues its trace with its tracestate, and the extension traceparent of an event is left as it is",
		run: func(c *run) {
			const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
			c.write(event("a", "Traceparent", parent, "tracestate", "v=1", "ce_traceparent", parent))
			got := c.only("sink", 1)[0]
			if got.Get("tracestate") != "v=1" || !strings.HasPrefix(got.Get("traceparent"), parent[:36]) || got.Get("ce-traceparent") != parent {
				c.errorf("tracestate %q, traceparent %q, ce-traceparent %q", got.Get("tracestate"), got.Get("traceparent"), got.Get("ce-traceparent"))
			}
		},
	},
	{
		id: "XW05", on: both, upstream: "contract 4.1: an answer that is compressed is not read",
		given: "any event", when: "it is delivered", then: "no Accept-Encoding asks for a compressed answer, and no attempt is counted in a header",
		set: []option{retry(1)},
		run: func(c *run) {
			c.answer("sink", statuses(500, 200))
			r := event("a")
			c.write(r)
			for _, got := range c.only("sink", 2) {
				c.want(got, r, small("a"), "")
			}
		},
	},
}

// wantHeaderOnBoth delivers one event to the sink and one to the dead letter
// sink.
func wantHeaderOnBoth(header string, want func(*run) string) func(*run) {
	return func(c *run) {
		c.answer("sink", byID(map[string]script{"bad": status(400)}))
		c.write(event("good"), event("bad"))
		c.only("sink", 2)
		for _, got := range append(c.requests("sink"), c.count("dead", 1)...) {
			if got.Get(header) != want(c) {
				c.errorf("%s at /%s is %q, want %q", header, got.Sink, got.Get(header), want(c))
			}
		}
	}
}

// wantBodies delivers events with these bodies.
func wantBodies(c *run, bodies map[string]string) {
	for id, body := range bodies {
		r := event(id)
		r.Value = []byte(body)
		c.write(r)
	}
	c.only("sink", len(bodies))
	for id, body := range bodies {
		if got := c.with("sink", "ce-id", id); !bytes.Equal(got.Body, []byte(body)) {
			c.note(wrong{what: "the body of " + id + " is another", expected: text(nil, []byte(body)), received: text(nil, got.Body)})
		}
	}
}
