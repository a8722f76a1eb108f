package conformance

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// resultRows are 9.3: what follows from an answer, and what a dead letter is.
var resultRows = []row{
	{
		id: "D01", on: both, upstream: "WebClientCloudEventSenderTest.shouldRetry",
		given: "retry 5 and a dead letter sink", when: "the sink answers 500 four times, then 200", then: "5 requests with the same id, no dead letter",
		set: []option{retry(5), dead},
		run: func(c *run) {
			c.answer("sink", statuses(500, 500, 500, 500, 200))
			r := event("a")
			c.write(r)
			for _, got := range c.only("sink", 5) {
				c.want(got, r, small("a"), "")
			}
			c.count("dead", 0)
		},
	},
	{
		id: "D02", on: both, upstream: "shouldRetryAndFail; OffsetManagerTest.failedToSendToDeadLetterSink",
		given: "retry 5 and no dead letter sink", when: "the sink always answers 500", then: "6 requests, and the offset advances",
		set: []option{retry(5)},
		run: func(c *run) {
			c.answer("sink", status(500))
			c.write(event("a"))
			c.only("sink", 6)
			c.allCommitted()
		},
	},
	{
		id: "D03", on: both, upstream: "shouldNotRetry",
		given: "retry 5", when: "the sink answers 400", then: "1 request",
		set: []option{retry(5)},
		run: func(c *run) {
			c.answer("sink", status(400))
			c.write(event("a"))
			c.only("sink", 1)
		},
	},
	{
		id: "D04", on: both, upstream: "shouldNotRetryAndFail; dls_test.go SendsEventErrorWithoutRetries",
		given: "retry 5 and a dead letter sink", when: "the sink answers 422", then: "1 request, 1 dead letter",
		set: []option{retry(5), dead},
		run: func(c *run) {
			c.answer("sink", status(422))
			c.write(event("a"))
			c.only("sink", 1)
			c.count("dead", 1)
		},
	},
	{
		id: "D05", on: both, upstream: "shouldRetryRetryableStatusCodes",
		given: "retry 1 and a dead letter sink", when: "the sink answers 404, 408, 409, 429, 500, 501, 502, 503, 504 or 599", then: "2 requests each, and a dead letter",
		set: []option{retry(1), dead, ordering("unordered")},
		run: wantOfStatus(2, 1, 404, 408, 409, 429, 500, 501, 502, 503, 504, 599),
	},
	{
		id: "D06", on: both, upstream: "shouldNotRetryNonRetryableStatusCodes",
		given: "retry 1 and a dead letter sink", when: "the sink answers 301, 304, 400, 401, 403, 405, 410, 413, 415, 425, 451 or another of 3xx and 4xx", then: "1 request each, and a dead letter",
		set: []option{retry(1), dead, ordering("unordered")},
		run: wantOfStatus(1, 1, 300, 301, 304, 307, 308, 400, 401, 402, 403, 405, 406, 407, 410, 411, 413, 415, 417, 418, 421, 425, 428, 430, 431, 451, 499),
	},
	{
		id: "D07", on: both, upstream: "code",
		given: "retry 1 and a dead letter sink", when: "the sink answers 200, 201, 202, 203, 204 or 206", then: "1 request each, no dead letter",
		set: []option{retry(1), dead, ordering("unordered")},
		run: wantOfStatus(1, 0, 200, 201, 202, 203, 204, 206, 299),
	},
	{
		id: "D08", on: both, upstream: "shouldTimeoutAndFail",
		given: "timeout 2 s, so that a busy machine is in time, retry 5, a dead letter sink", when: "the sink never answers", then: "6 requests, each after the timeout of the one before and its wait, and a dead letter without knativeerrorcode",
		set: []option{retry(5), dead, timeout("PT2S")},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Hang: true}))
			began, r := time.Now(), event("a")
			c.write(r)
			all := c.only("sink", 6)
			// Five timeouts and five waits; when an attempt began is not seen here.
			if took := all[5].At.Sub(began); took < 5*2*time.Second+1500*time.Millisecond-slack {
				c.errorf("the last request came %v after the event was written, want at least 11.5 s", took)
			}
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "", ""), "")
		},
	},
	{
		id: "D09", on: both, upstream: "code",
		given: "retries enough", when: "the sink refuses connections at first and begins to listen later", then: "the event is delivered once",
		set: []option{lateSink, backoff(50, "linear", "PT0.1S")},
		run: func(c *run) {
			c.write(event("a"))
			// Two waits of the schedule at least: the first attempts were refused.
			time.Sleep(700 * time.Millisecond)
			c.openLate()
			c.wait("late", 1)
			c.only("late", 1)
		},
	},
	{
		id: "D10", on: both, upstream: "linearBackoffPolicy",
		given: "linear, 100 ms, retry 3", when: "the sink always answers 503", then: "4 requests, at least 100, 200 and 300 ms apart",
		set: []option{backoff(3, "linear", "PT0.1S")},
		run: func(c *run) {
			c.answer("sink", status(503))
			c.write(event("a"))
			c.gaps(c.only("sink", 4), 100, 200, 300)
		},
	},
	{
		id: "D12", on: both, upstream: "exponentialBackoffPolicyByDefault",
		given: "no policy, 100 ms, retry 3", when: "the sink always answers 503", then: "4 requests, at least 200, 400 and 800 ms apart: the first wait is twice the delay",
		set: []option{backoff(3, "", "PT0.1S")},
		run: func(c *run) {
			c.answer("sink", status(503))
			c.write(event("a"))
			c.gaps(c.only("sink", 4), 200, 400, 800)
		},
	},
	{
		id: "D14", on: trigger, upstream: "WebClientCloudEventSenderTest.noRetry; SourceToSinkWithFlakyDLQ",
		given: "a trigger and a broker without delivery", when: "the sink answers 500", then: "1 request, the event is dropped, the next one is delivered",
		set: []option{ordering("")},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": status(500)}))
			c.write(event("a"), event("b"))
			got := c.only("sink", 2)
			c.ids(got, "a", "b")
		},
	},
	{
		id: "D15", on: trigger, upstream: "dls_test.go SendsEventWithRetries",
		given: "a dead letter sink and no retry", when: "the sink answers 429", then: "1 request, 1 dead letter",
		set: []option{dead},
		run: func(c *run) {
			c.answer("sink", status(429))
			c.write(event("a"))
			c.only("sink", 1)
			c.count("dead", 1)
		},
	},
	{
		id: "D16", on: both, upstream: "SendsEventNoRetries; shouldSendOnlyToSubscriberIfValueMatches",
		given: "a dead letter sink", when: "the sink accepts", then: "the dead letter sink gets nothing",
		set: []option{dead, retry(3)},
		run: func(c *run) {
			c.write(event("a"))
			c.only("sink", 1)
			c.count("dead", 0)
		},
	},
	{
		id: "D17", on: both, upstream: "dls_extensions_test.go SubscriberUnreachable",
		given: "a dead letter sink", when: "nobody listens at the sink's address", then: "a dead letter with knativeerrordest, without knativeerrorcode and knativeerrordata",
		set: []option{dead, retry(1), sinkURL(unreachable), byCommit},
		run: func(c *run) {
			r := event("a")
			c.write(r)
			c.want(c.only("dead", 1)[0], r, small("a").with("ce-knativeerrordest", unreachable), "")
		},
	},
	{
		id: "D18", on: both, upstream: "SubscriberReturnedErrorNoData",
		given: "a dead letter sink", when: "the sink answers 422 without a body", then: "knativeerrordest and knativeerrorcode 422, no knativeerrordata",
		set: []option{dead, retry(1)},
		run: wantDead(Answer{Status: 422}, "422", ""),
	},
	{
		id: "D19", on: both, upstream: "SubscriberReturnedErrorSmallData",
		given: "a dead letter sink", when: "the sink answers 422 with a small body", then: "knativeerrordata is its Base64",
		set: []option{dead, retry(1)},
		run: wantDead(Answer{Status: 422, Body: "\xfb\xff no"}, "422", "\xfb\xff no"),
	},
	{
		id: "D20", on: both, upstream: "SubscriberReturnedErrorLargeData; BodyTooLarge",
		given: "a dead letter sink", when: "the sink answers 422 with more than 1024 bytes", then: "knativeerrordata is the Base64 of the first 1024, through the middle of a character",
		set: []option{dead, retry(1)},
		run: wantDead(Answer{Status: 422, Body: largeBody}, "422", largeBody[:1024]),
	},
	{
		id: "D21", on: both, upstream: "SubscriberReturnedHTMLWebpage",
		given: "a dead letter sink", when: "the sink answers 404 with a page of several lines", then: "knativeerrordata is the Base64 of its bytes",
		set: []option{dead, retry(0)},
		run: wantDead(Answer{Status: 404, Body: page, Header: map[string]string{"Content-Type": "text/html"}}, "404", page),
	},
	{
		id: "D23", on: both, upstream: "failedEventsShouldBeEnhanced; dls_test.go",
		given: "a dead letter sink", when: "an event with all attributes fails", then: "the dead letter has the same id, source, type, subject, time, data and extensions",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", status(400))
			r := fullEvent()
			r.Value = []byte("some data")
			c.write(r)
			c.only("sink", 1)
			c.want(c.count("dead", 1)[0], r, c.deadly(fullWant, "400", ""), "some data")
		},
	},
	{
		id: "D24", on: both, upstream: "shouldCallFailedToSendToDeadLetterSink; shouldCommitSuccessfullyWithRecordFailedToDeadLetterSinkInTheMiddle",
		given: "retry 2", when: "the sink and the dead letter sink always answer 500", then: "3 requests at each, then the next record is delivered and all is committed",
		set: []option{dead, retry(2)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": status(500)}))
			c.answer("dead", status(500))
			c.write(event("a"), event("b"))
			c.inOrder(c.only("sink", 4), "a", "a", "a", "b")
			c.count("dead", 3)
			c.allCommitted()
		},
	},
	{
		id: "D26", on: both, upstream: "code",
		given: "retry 1 and a dead letter sink", when: "the sink answers 500 with body A, then 502 with body B", then: "the dead letter has code 502 and B",
		set: []option{dead, retry(1)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 500, Body: "A"}, Answer{Status: 502, Body: "B"}))
			r := event("a")
			c.write(r)
			c.only("sink", 2)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "502", "B"), "")
		},
	},
	{
		id: "D27", on: both, upstream: "shouldCommitSuccessfullyOnSuccessfullySentToDeadLetterSink",
		given: "a dead letter sink", when: "it accepts what the sink refused", then: "the offset is committed past the record",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", status(400))
			c.write(event("a"))
			c.wait("dead", 1)
			c.allCommitted()
			c.count("sink", 1)
		},
	},
	{
		id: "D28", on: source, upstream: "CP/reconciler/source; timing: code",
		given: "no delivery at all", when: "the sink answers 500 twice, then 200", then: "3 requests, at least 0.6 and 1.2 s apart",
		run: func(c *run) {
			c.answer("sink", statuses(500, 500, 200))
			c.write(event("a"))
			c.gaps(c.only("sink", 3), 600, 1200)
		},
	},
	{
		id: "D29", on: source, upstream: "code",
		given: "a delivery with only a dead letter sink", when: "the sink answers 500", then: "1 request, 1 dead letter: the ten retries of the default are gone",
		set: []option{dead},
		run: func(c *run) {
			c.answer("sink", status(500))
			c.write(event("a"))
			c.only("sink", 1)
			c.count("dead", 1)
		},
	},
	{
		id: "D30", on: both, upstream: "code",
		given: "an event with extension knativeerrorcode: 1", when: "the sink answers 500", then: "the dead letter has 500",
		set: []option{dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", status(500))
			r := event("a", "ce_knativeerrorcode", "1")
			c.write(r)
			c.only("sink", 1)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "500", ""), "")
		},
	},
	{
		id: "D33", on: source, upstream: "code (NoopResponseHandler)",
		given: "a dead letter sink", when: "the sink answers 200 with ok, with JSON, with a CloudEvent or with a broken one", then: "all of it is success, and nothing is produced",
		set: []option{dead, retry(1)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{
				"text":       answers(Answer{Status: 200, Body: "ok", Header: map[string]string{"Content-Type": "text/plain"}}),
				"json":       answers(Answer{Status: 200, Body: `{"a":1}`, Header: map[string]string{"Content-Type": "application/json"}}),
				"binary":     answers(replyEvent("reply", "y")),
				"structured": answers(structuredReply("reply", "y", `"x"`)),
				"broken":     answers(Answer{Status: 200, Body: "x", Header: map[string]string{"Ce-Specversion": "1.0"}}),
			}))
			c.write(event("text"), event("json"), event("binary"), event("structured"), event("broken"))
			c.only("sink", 5)
			c.count("dead", 0)
			for _, r := range c.read() {
				if idOf(r) == "reply" {
					c.errorf("the reply was produced at offset %d", r.Offset)
				}
			}
		},
	},
	{
		id: "D34", on: trigger, upstream: "ResponseToKafkaTopicHandlerTest.shouldSucceedOn",
		given: "a dead letter sink", when: "the sink answers 200, 202 or 204 with an empty body", then: "all of it is success",
		set: []option{dead, retry(1), ordering("unordered")},
		run: wantOfStatus(1, 0, 200, 202, 204),
	},
	{
		id: "D35", on: trigger, upstream: "shouldFailOnUnknownEncodingAndNonEmptyResponse",
		given: "retry 3 and a dead letter sink", when: "the sink answers 200 with a body of one byte that is no CloudEvent", then: "1 request, 1 dead letter with knativeerrordest only",
		set: []option{dead, retry(3)},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 200, Body: "x"}))
			r := event("a")
			c.write(r)
			c.only("sink", 1)
			c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), "", ""), "")
		},
	},
	{
		id: "D36", on: trigger, upstream: "shouldSendRecord; BrokerEventTransformation; AbstractDataPlaneTest",
		given: "a second trigger for the type of the reply", when: "the first one's sink answers with a CloudEvent in binary mode",
		then: "it is in the topic with ce_ headers and the partitionkey as key, and the second trigger's sink gets it",
		set:  []option{another("two", exactly("type", "reply"))},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": answers(replyEvent("r", "reply"))}))
			c.write(event("a"))
			got := c.wait("sinktwo", 1)[0]
			reply := c.find("r")
			for name, want := range map[string]string{"ce_specversion": "1.0", "ce_id": "r", "ce_source": "/reply", "ce_type": "reply", "ce_partitionkey": "k", "content-type": "text/plain"} {
				if header := headerOf(reply, name); header != want {
					c.errorf("header %s of the record is %q, want %q", name, header, want)
				}
			}
			if string(reply.Key) != "k" || string(reply.Value) != "replied" {
				c.errorf("the record has key %q and value %q, want k and replied", reply.Key, reply.Value)
			}
			c.want(got, reply, small("r").with("ce-source", "/reply", "ce-type", "reply", "ce-partitionkey", "k", "content-type", "text/plain"), "replied")
		},
	},
	{
		id: "D37", on: trigger, upstream: "BrokerDeliverLongResponseMessage",
		given: "a second trigger for the type of the reply", when: "the first one's sink answers with a structured CloudEvent with 36,000 bytes of data", then: "the second trigger's sink gets it in full",
		set: []option{another("two", exactly("type", "reply"))},
		run: func(c *run) {
			long := strings.Repeat("0123456789", 3600)
			c.answer("sink", byID(map[string]script{"a": answers(structuredReply("r", "reply", strconv.Quote(long)))}))
			c.write(event("a"))
			got := c.wait("sinktwo", 1)[0]
			reply := c.find("r")
			if reply.Key != nil {
				c.errorf("the record has key %q, and the reply no partitionkey", reply.Key)
			}
			c.want(got, reply, small("r").with("ce-source", "/reply", "ce-type", "reply", "content-type", "application/json"), strconv.Quote(long))
		},
	},
	{
		id: "D38", on: trigger, upstream: "control_plane.go addControlPlaneDelivery",
		given: "a broker with retry 1 and a dead letter sink, and four triggers: retry 3; retry 1; retry 3 with a dead letter sink; none",
		when:  "their sinks fail 3, 2, 4 and 2 times", then: "delivered; dropped, also not dead at the broker's; dead at the trigger's; dead at the broker's",
		set: []option{
			retry(3), another("two", retry(1)), another("three", retry(3), dead), another("four"), brokerDelivery(1, "brokerdead"),
		},
		run: func(c *run) {
			for sink, fails := range map[string]int{"sink": 3, "sinktwo": 2, "sinkthree": 4, "sinkfour": 2} {
				c.answer(sink, func(_ Request, n int) Answer {
					if n <= fails {
						return Answer{Status: 500}
					}
					return Answer{Status: 204}
				})
			}
			c.write(event("a"))
			c.allCommitted()
			c.count("sink", 4)
			c.count("sinktwo", 2)
			c.count("sinkthree", 4)
			c.count("sinkfour", 2)
			for sink, dest := range map[string]string{"dead": "sinkthree", "brokerdead": "sinkfour"} {
				if got := c.count(sink, 1)[0].Get("ce-knativeerrordest"); got != c.url(dest) {
					c.errorf("the dead letter at /%s is of %s, want %s", sink, got, c.url(dest))
				}
			}
		},
	},
	{
		id: "D39", on: trigger, upstream: "BrokerRedelivery",
		given: "retry 5", when: "the sink fails the first five attempts of an event, and of others each attempt whose number is Fibonacci's", then: "all are delivered",
		set: []option{retry(5), dead, ordering("")},
		run: func(c *run) {
			fibonacci := map[int]bool{1: true, 2: true, 3: true, 5: true}
			c.answer("sink", func(r Request, n int) Answer {
				switch {
				case r.ID() == "first5" && n <= 5:
					return Answer{Drop: n%2 == 1, Status: 409}
				case r.ID() != "first5" && fibonacci[n]:
					return Answer{Status: 409}
				}
				return Answer{Status: 202}
			})
			c.write(event("first5"), event("a"), event("b"), event("c"))
			c.settle()
			c.count("dead", 0)
			got := map[string]bool{}
			for _, r := range c.requests("sink") {
				got[r.ID()] = true
			}
			if len(got) != 4 {
				c.errorf("%d events came, want 4", len(got))
			}
		},
	},
	{
		id: "D40", on: trigger, upstream: "SourceToSinkWithFlakyDLQ",
		given: "no retry and a dead letter sink", when: "the sink fails the first two of three events", then: "the dead letter sink gets those, the sink the third",
		set: []option{dead, ordering("")},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": answers(Answer{Drop: true}), "b": status(503)}))
			c.write(event("a"), event("b"), event("c"))
			c.ids(c.only("sink", 3), "a", "b", "c")
			c.ids(c.count("dead", 2), "a", "b")
		},
	},
}

// unreachable is where nobody listens.
const unreachable = "http://127.0.0.1:1/nobody"

const page = "<!DOCTYPE html>\r\n<html>\n<body class=\"a\">\n\tnot found: 100 %\n</body></html>\n"

// largeBody has a character of two bytes across its 1024th byte.
var largeBody = strings.Repeat("x", 1023) + "é" + strings.Repeat("y", 4000)

// deadly is an event as a dead letter, of the first way's sink.
func (c *run) deadly(event fields, code, body string) fields {
	dead := event.with("ce-knativeerrordest", c.ways[0].sink().URI)
	if code != "" {
		dead["ce-knativeerrorcode"] = code
	}
	if body != "" {
		dead["ce-knativeerrordata"] = base64.StdEncoding.EncodeToString([]byte(body))
	}
	return dead
}

// wantDead wants a dead letter after the sink answered so.
func wantDead(a Answer, code, body string) func(*run) {
	return func(c *run) {
		c.answer("sink", answers(a))
		r := event("a")
		r.Value = []byte("data")
		c.write(r)
		c.settle()
		c.want(c.count("dead", 1)[0], r, c.deadly(small("a"), code, body), "data")
	}
}

// wantOfStatus answers one event with each status, and wants so many requests
// and dead letters for each.
func wantOfStatus(requests, letters int, codes ...int) func(*run) {
	return func(c *run) {
		scripts := map[string]script{}
		var records []*kgo.Record
		for _, code := range codes {
			id := strconv.Itoa(code)
			scripts[id] = status(code)
			records = append(records, event(id))
		}
		c.answer("sink", byID(scripts))
		c.write(records...)
		c.settle()
		for _, at := range []struct {
			sink string
			want int
		}{{"sink", requests}, {"dead", letters}} {
			times := map[string]int{}
			for _, r := range c.requests(at.sink) {
				times[r.ID()]++
			}
			for id := range scripts {
				if times[id] != at.want {
					c.errorf("after %s: %d requests at /%s, want %d", id, times[id], at.sink, at.want)
				}
			}
		}
	}
}

// slack is how much too early a request may seem to come.
const slack = 50 * time.Millisecond

// gaps wants each request to have come at least so many milliseconds after the
// answer to the one before.
func (c *run) gaps(all []Request, millis ...int) {
	for i, ms := range millis {
		want := time.Duration(ms) * time.Millisecond
		if gap := all[i+1].At.Sub(all[i].Answered); gap < want-slack {
			c.errorf("request %d came %v after the answer to the one before, want at least %v", i+2, gap.Round(time.Millisecond), want)
		}
	}
}

// ids wants these events to have come, in any order.
func (c *run) ids(got []Request, ids ...string) {
	left := map[string]int{}
	for _, id := range ids {
		left[id]++
	}
	for _, r := range got {
		left[r.ID()]--
	}
	for id, n := range left {
		if n != 0 {
			c.errorf("event %s came %d times too few%s", id, n, listed(got))
		}
	}
}

// replyEvent is an answer with an event in binary mode.
func replyEvent(id, eventType string) Answer {
	return Answer{Status: 200, Body: "replied", Header: map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": id, "Ce-Source": "/reply", "Ce-Type": eventType, "Ce-Partitionkey": "k", "Content-Type": "text/plain",
	}}
}

// structuredReply is one in structured mode, with JSON as data.
func structuredReply(id, eventType, data string) Answer {
	return Answer{
		Status: 200, Header: map[string]string{"Content-Type": "application/cloudevents+json"},
		Body: fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/reply","type":%q,"data":%s}`, id, eventType, data),
	}
}
