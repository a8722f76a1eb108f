package source

import (
	"bytes"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestDeadLetter(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("ä"), 600) // 1024 bytes are 512 of it
	page := "<html>\r\n<body>\n"
	b64 := base64.StdEncoding.EncodeToString
	for name, tc := range map[string]struct {
		replies []reply
		headers []kgo.RecordHeader // besides those of the small event
		want    fields
	}{
		"D17_unreachable": {[]reply{{err: errRefused}}, nil, fields{}},
		"D17_503_then_unreachable": {
			[]reply{{status: 503, body: "x"}, {err: errRefused}}, nil, fields{},
		},
		"D18_no_body":     {[]reply{{status: 422}}, nil, fields{"ce-knativeerrorcode": "422"}},
		"D19_small_body":  {[]reply{{status: 422, body: "no"}}, nil, fields{"ce-knativeerrorcode": "422", "ce-knativeerrordata": "bm8="}},
		"D20_large_body":  {[]reply{{status: 422, body: string(long)}}, nil, fields{"ce-knativeerrorcode": "422", "ce-knativeerrordata": b64(long[:1024])}},
		"D21_page":        {[]reply{{status: 404, body: page}}, nil, fields{"ce-knativeerrorcode": "404", "ce-knativeerrordata": b64([]byte(page))}},
		"D23_same_event":  {[]reply{{status: 400}}, h("ce_subject", "u", "ce_ext", "e", "content-type", "text/x"), fields{"ce-knativeerrorcode": "400", "ce-subject": "u", "ce-ext": "e", "content-type": "text/x"}},
		"D26_last_answer": {[]reply{{status: 500, body: "A"}, {status: 502, body: "B"}}, nil, fields{"ce-knativeerrorcode": "502", "ce-knativeerrordata": "Qg=="}},
		"D30_overwritten": {[]reply{{status: 500}}, h("ce_knativeerrorcode", "1", "ce_knativeerrordest", "2"), fields{"ce-knativeerrorcode": "500"}},
		"Kne_headers": {
			[]reply{{status: 400, body: "no", header: http.Header{"Kne-Reason": {"a", "gr\xfc\xdfe"}, "Kne-Knativeerrorcode": {"7"}, "Kne-Knativeerrordata": {"8"}, "X-Kne": {"9"}}}},
			nil, fields{"ce-reason": "gr\xfc\xdfe", "ce-knativeerrorcode": "7", "ce-knativeerrordata": "bm8="},
		},
		"H2_illegal_Kne_headers": {
			[]reply{{status: 400, header: http.Header{"Kne-My-Code": {"1"}, "Kne-": {"2"}, "Kne-Id": {"3"}, "Kne-Specversion": {"4"}}}},
			nil, fields{"ce-knativeerrorcode": "400"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &sinks{answer: answers(tc.replies...)}
			c := testConfig(to)
			c.DeadLetterSink, c.Delivery.Retry = deadURL, len(tc.replies)-1
			d := deliverOne(t, c, &kgo.Record{Headers: append(binaryEvent(), tc.headers...), Value: []byte("data")})
			calls := to.calls(deadURL)
			if len(calls) != 1 || d.Fate != DeadLetter {
				t.Fatalf("%d dead letters, %s", len(calls), d.Fate)
			}
			want := small.with("ce-knativekafkapartition", "0", "ce-knativekafkaoffset", "0", "ce-knativeerrordest", sinkURL)
			maps.Copy(want, tc.want)
			wantRequest(t, calls[0].header, []byte(calls[0].body), want, "data")
		})
	}
}

func TestDeadLetterOf03(t *testing.T) {
	t.Parallel()
	to := &sinks{answer: statuses(400)}
	c := testConfig(to)
	c.DeadLetterSink, c.Overrides = deadURL, map[string]string{"a": "x"}
	deliverOne(t, c, &kgo.Record{Headers: append(binaryEvent("ce_schemaurl", "/u"), h("ce_specversion", "0.3")...)})
	dead := to.calls(deadURL)[0]
	wantRequest(t, dead.header, []byte(dead.body), small.with("ce-dataschema", "/u", "ce-a", "x", "ce-knativekafkapartition", "0",
		"ce-knativekafkaoffset", "0", "ce-knativeerrordest", sinkURL, "ce-knativeerrorcode", "400"), "")
	if sent := to.calls(sinkURL)[0].header; sent["ce-specversion"][0] != "0.3" || sent["ce-knativeerrordest"] != nil {
		t.Errorf("the event itself was changed: %v", sent)
	}
}

// TestDeadLetterSinkFails is D24: it has the same retries, and then the record
// is done with.
func TestDeadLetterSinkFails(t *testing.T) {
	t.Parallel()
	to := &sinks{answer: func(call, int) reply { return reply{status: 500} }}
	c := testConfig(to)
	c.DeadLetterSink, c.Delivery.Retry = deadURL, 2
	d := deliverOne(t, c, &kgo.Record{})
	if got := len(to.calls(deadURL)); got != 3 || d.Fate != Lost || len(d.Attempts) != 6 {
		t.Errorf("%d requests, %s after %d attempts", got, d.Fate, len(d.Attempts))
	}
	for i, a := range d.Attempts {
		if want := map[bool]string{true: sinkURL, false: deadURL}[i < 3]; a.To != want {
			t.Errorf("attempt %d went to %s, want %s", i, a.To, want)
		}
	}
}

// TestControlCharacter is H5: such an event is in no header, so it is never
// sent, and never retried.
func TestControlCharacter(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*kgo.Record{
		"key":       {Key: []byte("a\x00b")},
		"header":    {Headers: h("foo", "a\nb")},
		"attribute": {Headers: binaryEvent("ce_subject", "a\x7fb")},
		"type":      {Headers: binaryEvent("content-type", "a\rb")},
	} {
		for _, dead := range []string{"", deadURL} {
			t.Run(name+"_to_"+strings.TrimPrefix(dead, "http://"), func(t *testing.T) {
				t.Parallel()
				to := &sinks{}
				c := testConfig(to)
				c.DeadLetterSink, c.Delivery = dead, Delivery{Retry: 10, Delay: 1 << 60}
				d := deliverOne(t, c, r)
				if got := to.calls(sinkURL); len(got) != 0 || !strings.Contains(d.Attempts[0].Err, "control character") {
					t.Errorf("%d requests, %+v", len(got), d.Attempts)
				}
				if dead == "" {
					if d.Fate != Lost {
						t.Error(d.Fate)
					}
					return
				}
				letter := to.calls(deadURL)[0].header
				if d.Fate != DeadLetter || letter["ce-knativeerrordest"][0] != sinkURL || letter["ce-knativeerrorcode"] != nil {
					t.Errorf("%s: %v", d.Fate, letter)
				}
				for name, values := range letter {
					if strings.ContainsAny(values[0], "\x00\n\r\x7f") {
						t.Errorf("%s: %q", name, values[0])
					}
				}
			})
		}
	}
}
