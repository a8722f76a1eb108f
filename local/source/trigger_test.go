package source

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// triggerConfig is a Trigger on the fakes.
func triggerConfig(to *sinks, fates *fates) Config {
	c := testConfig(to)
	c.Trigger, c.DeadLetterSink, c.Observe = true, deadURL, fates.add
	return c
}

func TestTrigger_discards_what_is_no_event(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to, seen := &sinks{}, &fates{}
		event, ids := on(0, "e", 1)
		s := k.start(triggerConfig(to, seen))
		k.produce(append([]*kgo.Record{{Value: []byte("plain")}, {Headers: h("ce_specversion", "1.0")}}, event...)...)
		settle()
		if got := to.ids(); !slices.Equal(got, ids) {
			t.Errorf("%v came, want %v", got, ids)
		}
		seen.want(t, Discarded, Discarded, Done)
		k.stop(s)
		k.wantCommitted(0, 3)
	})
}

func TestTrigger_filters(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to, seen := &sinks{}, &fates{}
		c := triggerConfig(to, seen)
		c.Ordered = true
		c.Filter = func(a map[string]string) (bool, string) {
			if a["specversion"] != "1.0" || a["knativekafkapartition"] != "0" {
				t.Errorf("the filter sees %v", a)
			}
			return a["id"] == "e1", "got " + a["id"]
		}
		records, _ := on(0, "e", 3)
		s := k.start(c)
		k.produce(records...)
		settle()
		if got := to.ids(); !slices.Equal(got, []string{"e1"}) {
			t.Errorf("%v came", got)
		}
		seen.want(t, Filtered, Done, Filtered)
		if passed, not := seen.of(1).Clause, seen.of(2).Clause; passed != "" || not != "got e2" {
			t.Errorf("clauses %q and %q", passed, not)
		}
		k.stop(s)
		k.wantCommitted(0, 3)
	})
}

// TestTrigger_replies is D33 to D37 of the contract, and what it says of
// malformed events.
func TestTrigger_replies(t *testing.T) {
	t.Parallel()
	structured := http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}
	binary := func(more ...string) http.Header {
		out := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"r"}, "Ce-Source": {"/r"}, "Ce-Type": {"t.r"}}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = []string{more[i+1]}
		}
		return out
	}
	broken := http.Header{"Ce-Specversion": {"1.0"}, "Ce-Source": {"/r"}}
	for name, tc := range map[string]struct {
		answer reply
		source bool // a KafkaSource instead
		fate   string
		record string // its key, headers and value
	}{
		"D34_empty":                   {answer: reply{status: 204}, fate: Done},
		"D35_no_event":                {answer: reply{status: 200, body: "."}, fate: DeadLetter},
		"D35_json":                    {answer: reply{status: 202, body: "{}", header: http.Header{"Content-Type": {"application/json"}}}, fate: DeadLetter},
		"D36_binary":                  {answer: reply{status: 200, body: "{}", header: binary("Content-Type", "application/json", "Ce-Partitionkey", "k", "Ce-Gr", "gr\xfc\xdfe")}, fate: Done, record: "k ce_gr=grüße ce_id=r ce_partitionkey=k ce_source=/r ce_specversion=1.0 ce_type=t.r content-type=application/json {}"},
		"binary_without_a_body":       {answer: reply{status: 202, header: binary()}, fate: Done, record: " ce_id=r ce_source=/r ce_specversion=1.0 ce_type=t.r "},
		"D37_structured":              {answer: reply{status: 200, body: `{"specversion":"1.0","id":"s","source":"/s","type":"t.s","data":[1]}`, header: structured}, fate: Done, record: " ce_id=s ce_source=/s ce_specversion=1.0 ce_type=t.s content-type=application/json [1]"},
		"malformed_without_a_body":    {answer: reply{status: 200, header: broken}, fate: Done},
		"malformed_with_a_body":       {answer: reply{status: 200, body: "x", header: broken}, fate: DeadLetter},
		"malformed_structured":        {answer: reply{status: 200, body: "{", header: structured}, fate: DeadLetter},
		"batch":                       {answer: reply{status: 200, body: "[]", header: http.Header{"Content-Type": {"application/cloudevents-batch+json"}, "Ce-Specversion": {"1.0"}}}, fate: DeadLetter},
		"D33_a_source_ignores_all":    {source: true, answer: reply{status: 200, body: "{}", header: binary()}, fate: Done},
		"D33_a_source_ignores_broken": {source: true, answer: reply{status: 200, body: "x", header: broken}, fate: Done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withKafka(t, 1, func(k *fakeKafka) {
				seen := &fates{}
				to := &sinks{answer: func(c call, _ int) reply {
					if c.to == deadURL || c.id() != "e0" {
						return reply{status: 202}
					}
					return tc.answer
				}}
				c := triggerConfig(to, seen)
				c.Trigger, c.Delivery = !tc.source, Delivery{Retry: 3, Delay: time.Second}
				records, _ := on(0, "e", 1)
				s := k.start(c)
				k.produce(records...)
				settle()
				if got := seen.of(0); got.Fate != tc.fate || (got.Reply != nil) != (tc.record != "") {
					t.Errorf("fate %s, want %s; reply %+v", got.Fate, tc.fate, got.Reply)
				}
				wantOnce(t, to, tc.fate == DeadLetter)
				if got := k.second(); got != tc.record {
					t.Errorf("published %q, want %q", got, tc.record)
				}
				k.stop(s)
			})
		})
	}
}

// wantOnce wants one request to the sink, and one to the dead letter sink, with
// its address alone, if it is dead.
func wantOnce(t *testing.T, to *sinks, dead bool) {
	t.Helper()
	first := slices.DeleteFunc(to.calls(sinkURL), func(c call) bool { return c.id() != "e0" })
	buried := to.calls(deadURL)
	if len(first) != 1 || (len(buried) == 1) != dead {
		t.Errorf("%d requests, %d dead letters", len(first), len(buried))
		return
	}
	if dead && (buried[0].header["ce-knativeerrordest"] == nil || buried[0].header["ce-knativeerrorcode"] != nil || buried[0].header["ce-knativeerrordata"] != nil) {
		t.Errorf("dead letter %v", buried[0].header)
	}
}

// second is the record of t at offset 1, if there is one.
func (k *fakeKafka) second() string {
	k.Helper()
	client := k.newClient(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"t": {0: kgo.NewOffset().At(1)}}))
	defer client.Close()
	ctx, cancel := context.WithTimeout(k.Context(), time.Second)
	defer cancel()
	records := client.PollFetches(ctx).Records()
	if len(records) == 0 {
		return ""
	}
	var headers []string
	for _, one := range records[0].Headers {
		headers = append(headers, one.Key+"="+string(one.Value))
	}
	slices.Sort(headers)
	return string(records[0].Key) + " " + strings.Join(headers, " ") + " " + string(records[0].Value)
}

// A reply that Kafka does not take makes a dead letter, and no further attempt.
func TestTrigger_reply_that_kafka_refuses(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to, seen := &sinks{}, &fates{}
		to.answer = func(c call, _ int) reply {
			if c.to == deadURL {
				return reply{status: 202}
			}
			k.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.MessageTooLarge, Count: -1})
			return reply{status: 200, header: http.Header{"Ce-Specversion": {"1.0"}, "Ce-Id": {"r"}, "Ce-Source": {"/r"}, "Ce-Type": {"t"}}}
		}
		records, _ := on(0, "e", 1)
		c := triggerConfig(to, seen)
		c.Delivery = Delivery{Retry: 3, Delay: time.Second}
		s := k.start(c)
		k.produce(records...)
		settle()
		wantOnce(t, to, true)
		seen.want(t, DeadLetter)
		if got := seen.of(0).Attempts[0]; got.Status != 200 || !strings.Contains(got.Err, "publish the reply r") {
			t.Errorf("attempt %+v", got)
		}
		k.stop(s)
	})
}

// TestTrigger_where_it_begins is C16 and C18: without a commit, and where the
// commit is gone, a Trigger begins at the end.
func TestTrigger_where_it_begins(t *testing.T) {
	t.Parallel()
	withKafka(t, 1, func(k *fakeKafka) {
		to, seen := &sinks{}, &fates{}
		c := triggerConfig(to, seen)
		c.Latest = true
		old, _ := on(0, "old", 2)
		k.produce(old...)
		s := k.start(c)
		fresh, _ := on(0, "new", 1)
		k.produce(fresh...)
		settle()
		k.stop(s)
		gone, _ := on(0, "gone", 5)
		k.produce(gone...)
		if err := k.cluster.DeleteRecords("t", 0, 6); err != nil {
			t.Fatal(err)
		}
		s = k.start(c)
		settle()
		last, _ := on(0, "last", 1)
		k.produce(last...)
		settle()
		if got := to.ids(); !slices.Equal(got, []string{"new0", "last0"}) {
			t.Errorf("%v came", got)
		}
		k.stop(s)
	})
}
