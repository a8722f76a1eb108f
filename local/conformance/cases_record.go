package conformance

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordRows are 9.1: which event a record is, or becomes.
var recordRows = []row{
	{
		id: "R01", on: source, upstream: "InvalidCloudEventInterceptorTest; e2e_source no_event",
		given: `a record with key 0, content-type: application/json and value {"value":5}`, when: "it is read",
		then: "one POST with id partition:P/offset:O, the source's own source, type dev.knative.kafka.event, subject partition:P#O, key and partitionkey 0, the body unchanged",
		run: func(c *run) {
			r := keyed(plain(`{"value":5}`, "content-type", "application/json"), "0")
			c.write(r)
			c.one(r, c.wrapped(r).with("content-type", "application/json", "ce-key", "0", "ce-partitionkey", "0"), `{"value":5}`)
		},
	},
	{
		id: "R02", on: source, upstream: "e2e_source no_event_no_content_type",
		given: "the record of R01 without a content-type", when: "it is read", then: "the request has no content-type",
		run: func(c *run) {
			r := keyed(plain(`{"value":5}`), "0")
			c.write(r)
			c.one(r, c.wrapped(r).with("ce-key", "0", "ce-partitionkey", "0"), `{"value":5}`)
		},
	},
	{
		id: "R03", on: source, upstream: "e2e_source no_event_content_type_or_key",
		given: "a record with no headers, and no key or an empty one", when: "it is read", then: "no ce-key and no ce-partitionkey",
		run: func(c *run) {
			none, empty := plain("x"), keyed(plain("x"), "")
			c.write(none, empty)
			for i, got := range c.only("sink", 2) {
				c.want(got, []*kgo.Record{none, empty}[i], c.wrapped([]*kgo.Record{none, empty}[i]), "x")
			}
		},
	},
	{
		id: "R04", on: source, upstream: "e2e_source no_event_with_text_plain_body",
		given: "a record with content-type: text/plain and value simple 10", when: "it is read", then: "content-type text/plain, the body unchanged",
		run: func(c *run) {
			r := plain("simple 10", "content-type", "text/plain")
			c.write(r)
			c.one(r, c.wrapped(r).with("content-type", "text/plain"), "simple 10")
		},
	},
	{
		id: "R06", on: source, upstream: "InvalidCloudEventInterceptorTest; names: code",
		given: "a plain record with headers foo: bar and X-My_Id: 7", when: "it is read", then: "ce-kafkaheaderfoo: bar and ce-kafkaheaderxmyid: 7",
		run: func(c *run) {
			r := plain("x", "foo", "bar", "X-My_Id", "7")
			c.write(r)
			c.one(r, c.wrapped(r).with("ce-kafkaheaderfoo", "bar", "ce-kafkaheaderxmyid", "7"), "x")
		},
	},
	{
		id: "R09", on: source, upstream: "InterceptorChainTest.shouldTransformNullEventsToValidEvents",
		given: "a plain record with a key and a null value", when: "it is read", then: "a POST without a body, and the attributes of R01",
		run: func(c *run) {
			r := &kgo.Record{Key: []byte("k")}
			c.write(r)
			c.one(r, c.wrapped(r).with("ce-key", "k", "ce-partitionkey", "k"), "")
		},
	},
	{
		id: "R10", on: source, upstream: "code",
		given: "a plain record with a value of no bytes", when: "it is read", then: "a POST with an empty body",
		run: func(c *run) {
			r := &kgo.Record{Value: []byte{}}
			c.write(r)
			c.one(r, c.wrapped(r), "")
		},
	},
	{
		id: "R11", on: both, upstream: "InterceptorChainTest.shouldTransformEventsToValidEventsHandlingNullValues",
		given: "all ce_ headers of an event, and a null value", when: "it is read", then: "the event is delivered without a body",
		run: func(c *run) {
			r := fullEvent()
			c.write(r)
			c.one(r, fullWant, "")
		},
	},
	{
		id: "R12", on: both, upstream: "KafkaSourceBinaryEvent; CloudEventDeserializerTest",
		given: "an event in binary mode with all attributes, two extensions and a body", when: "it is read",
		then: "the same attributes as ce- headers, the same body, knativekafkapartition and knativekafkaoffset besides, and no other header",
		run: func(c *run) {
			r := fullEvent()
			r.Value = []byte("some data")
			c.write(r)
			c.one(r, fullWant, "some data")
		},
	},
	{
		id: "R13", on: both, upstream: "KafkaSourceStructuredEvent",
		given: "an event in structured mode with an object as data and the extension 5", when: "it is read",
		then: "binary mode, the data as compact JSON, the extension as 5",
		run: func(c *run) {
			r := structured("a", `, "ext": 5, "data": { "b" : [1, 2], "a" : "grüße" }`)
			c.write(r)
			c.one(r, small("a").with("content-type", "application/json", "ce-ext", "5"), `{"b":[1,2],"a":"grüße"}`)
		},
	},
	{
		id: "R14", on: both, upstream: "KafkaSourceWithExtensions",
		given: "an event in structured mode without data", when: "it is read", then: "a POST without body and content-type",
		run: func(c *run) {
			r := structured("a", "")
			c.write(r)
			c.one(r, small("a"), "")
		},
	},
	{
		id: "R17-S", on: source, upstream: "KafkaSourceBinaryEventWithExtensions; CloudEventOverridesMutatorTest",
		given: "ceOverrides {a: x, b: y}", when: "a binary, a structured and a plain record are read, some of which have the extension a",
		then: "all have both extensions, with the values of the overrides",
		set:  []option{overrides(map[string]string{"a": "x", "b": "y"})},
		run:  wantOverrides,
	},
	{
		id: "R17-T", on: trigger, upstream: "CloudEventOverridesMutatorTest", needs: dataPlane,
		given: "the overrides {a: x, b: y}", when: "a binary and a structured record are read, of which one has the extension a",
		then: "both have both extensions, with the values of the overrides",
		set:  []option{overrides(map[string]string{"a": "x", "b": "y"})},
		run:  wantOverrides,
	},
	{
		id: "R18", on: both, upstream: "ce_extensions.go; CloudEventOverridesMutatorTest",
		given: "two partitions, and an event that has both extensions already", when: "events are read from both",
		then: "ce-knativekafkapartition and ce-knativekafkaoffset are those of the record",
		set:  []option{partitions(2)},
		run: func(c *run) {
			records := []*kgo.Record{event("a"), event("b", "ce_knativekafkaoffset", "99", "ce_knativekafkapartition", "98"), event("c")}
			on(1, records[1:]...)
			c.write(records...)
			c.each("sink", records, func(r *kgo.Record, id string) (fields, string) { return small(id), "" })
		},
	},
	{
		id: "R19", on: source, upstream: "InvalidCloudEventInterceptorTest.shouldDoNothingIfRecordsAreCloudEvents",
		given: "an event in a record with key k and header foo: bar", when: "it is read",
		then: "no ce-key, no ce-partitionkey and no ce-kafkaheaderfoo",
		run: func(c *run) {
			r := keyed(event("a", "foo", "bar"), "k")
			c.write(r)
			c.one(r, small("a"), "")
		},
	},
	{
		id: "R20", on: source, upstream: "code; CloudEventDeserializerTest.shouldDeserializeInvalidCloudEvent",
		given: "ce_specversion: 1.0 but no ce_id", when: "it is read",
		then: "it is wrapped, with ce-kafkaheadercespecversion: 1.0 and no ce-kafkaheaderceid",
		run: wantWrapped([]string{"ce_specversion", "1.0", "ce_source", "/s", "ce_type", "y"},
			"ce-kafkaheadercespecversion", "1.0", "ce-kafkaheadercesource", "/s", "ce-kafkaheadercetype", "y"),
	},
	{
		id: "R21", on: trigger, upstream: "RecordDispatcherTest.shouldDiscardRecordIfInvalidCloudEvent; OffsetManagerTest.shouldCommitSuccessfullyWithRecordDiscardedInTheMiddle",
		given: "a dead letter sink", when: "records that are no CloudEvents are read, and an event after them",
		then: "only the event is delivered, nothing is dead, and the committed offset passes all of them",
		set:  []option{dead, retry(1)},
		run: func(c *run) {
			c.write(plain("x", "ce_specversion", "1.0", "ce_source", "/s", "ce_type", "y"), keyed(plain(`{"a":1}`), "k"), &kgo.Record{Key: []byte("k")}, event("a"))
			c.only("sink", 1)
			c.only("dead", 0)
			c.allCommitted()
		},
	},
	{
		id: "R22", on: source, upstream: "code",
		given: "ce_time: 2020-01-01T00:00:00, which has no offset", when: "it is read", then: "it is wrapped",
		run: wantSpoilt("ce_time", "2020-01-01T00:00:00", "ce-kafkaheadercetime"),
	},
	{
		id: "R23", on: source, upstream: "code",
		given: "the header ce_my-ext: 1 in an event that is well otherwise", when: "it is read", then: "it is wrapped",
		run: wantSpoilt("ce_my-ext", "1", "ce-kafkaheadercemyext"),
	},
	{
		id: "R26", on: source, upstream: "code",
		given: "ce_specversion: 1.1", when: "it is read", then: "it is wrapped",
		run: wantWrapped([]string{"ce_specversion", "1.1", "ce_id", "i", "ce_source", "/s", "ce_type", "y"},
			"ce-kafkaheadercespecversion", "1.1", "ce-kafkaheaderceid", "i", "ce-kafkaheadercesource", "/s", "ce-kafkaheadercetype", "y"),
	},
	{
		id: "R27", on: both, upstream: "AbstractDataPlaneTest",
		given: "a 0.3 event with ce_schemaurl", when: "it is read", then: "it arrives as 0.3, with ce-schemaurl",
		run: func(c *run) {
			r := event("a", "ce_specversion", "0.3", "ce_schemaurl", "/schema")
			c.write(r)
			c.one(r, small("a").with("ce-specversion", "0.3", "ce-schemaurl", "/schema"), "")
		},
	},
	{
		id: "R28", on: source, upstream: "code",
		given: "the content type of a structured event and the body {not json", when: "it is read", then: "it is wrapped",
		run: func(c *run) {
			r := plain("{not json", "content-type", "application/cloudevents+json")
			c.write(r)
			c.one(r, c.wrapped(r).with("content-type", "application/cloudevents+json"), "{not json")
		},
	},
	{
		id: "R29", on: source, upstream: "KeyDeserializerTest; 8 bytes: code",
		given: "key type int", when: "keys of 4, 3 and 8 bytes are read", then: "4 bytes are a number, the others text",
		set: []option{keyType("int")},
		run: wantKeys("\x00\x00\x00\x2a", "42", "\xff\xff\xff\xfe", "-2", "abc", "abc", "8 bytes!", "8 bytes!"),
	},
	{
		id: "R30", on: source, upstream: "KeyDeserializerTest",
		given: "key type float", when: "keys of 4, 8 and 7 bytes are read", then: "4 and 8 bytes are numbers, 7 are text",
		set: []option{keyType("float")},
		run: wantKeys(float32Key(1.5), "1.5", float64Key(0.1), "0.1", "7 bytes", "7 bytes"),
	},
	{
		id: "R31", on: source, upstream: "KeyDeserializerTest; text: code",
		given: "key type byte-array", when: "the keys 00 ff 10 and fb ff are read", then: "ce-key: AP8Q and +/8=",
		set: []option{keyType("byte-array")},
		run: wantKeys("\x00\xff\x10", "AP8Q", "\xfb\xff", "+/8="),
	},
	{
		id: "R32", on: source, upstream: "KeyDeserializerTest; CP/core/config/egress",
		given: "no key type, or one that is not known", when: "keys are read", then: "they are text",
		set: []option{keyType("uuid")},
		run: wantKeys("\x00\x00\x00\x2a"[3:], "*", "abcd", "abcd"),
	},
	{
		id: "R34", on: source, upstream: "e2e_source no_event_with_transactional_id",
		given: "10 records, each in a committed transaction of its own", when: "they are read", then: "10 POSTs, and the lag of the group ends at 1",
		run: func(c *run) {
			for range 10 {
				c.transact(true, plain("x"))
			}
			c.wait("sink", 10)
			c.waitLag(1)
			c.count("sink", 10)
		},
	},
	{
		id: "R35", on: both, upstream: "PR #4452; config",
		given: "an aborted transaction between two committed records", when: "they are read",
		then: "the aborted record is not delivered by a KafkaSource, and is by a Trigger",
		run: func(c *run) {
			c.transact(true, event("a"))
			c.transact(false, event("aborted"))
			c.transact(true, event("b"))
			want := []string{"a", "b"}
			if c.profile == kinds[trigger] {
				want = []string{"a", "aborted", "b"}
			}
			c.inOrder(c.only("sink", len(want)), want...)
		},
	},
	{
		id: "R36", on: source, upstream: "code",
		given: "a source of two topics", when: "a plain record is written to each", then: "both are delivered, each with its topic in the source",
		set: []option{secondTopic("other")},
		run: func(c *run) {
			records := []*kgo.Record{plain("x"), {Topic: "other", Value: []byte("y")}}
			c.write(records...)
			c.settle()
			c.count("sink", 2)
			for _, r := range records {
				c.want(c.with("sink", "ce-source", c.wrapped(r)["ce-source"]), r, c.wrapped(r), string(r.Value))
			}
		},
	},
}

// fullEvent has every attribute, and fullWant is what it becomes.
func fullEvent() *kgo.Record {
	return event("a", "ce_subject", "u", "ce_time", "2020-01-01T00:00:00.120+01:00", "ce_dataschema", "http://x/y",
		"content-type", "Text/Plain; charset=UTF-8", "ce_exta", "A", "ce_ExtB", "2")
}

var fullWant = small("a").with("ce-subject", "u", "ce-time", "2020-01-01T00:00:00.12+01:00", "ce-dataschema", "http://x/y",
	"content-type", "Text/Plain; charset=UTF-8", "ce-exta", "A", "ce-extb", "2")

// wantWrapped wants a record with these headers to be wrapped.
func wantWrapped(given []string, want ...string) func(*run) {
	return func(c *run) {
		r := plain("x", given...)
		c.write(r)
		c.one(r, c.wrapped(r).with(want...), "x")
	}
}

// wantSpoilt wants an event to be none because of one header.
func wantSpoilt(header, value, became string) func(*run) {
	return wantWrapped([]string{"ce_specversion", "1.0", "ce_id", "i", "ce_source", "/s", "ce_type", "y", header, value},
		"ce-kafkaheadercespecversion", "1.0", "ce-kafkaheaderceid", "i", "ce-kafkaheadercesource", "/s", "ce-kafkaheadercetype", "y", became, value)
}

// wantKeys wants keys to become these texts.
func wantKeys(pairs ...string) func(*run) {
	return func(c *run) {
		var records []*kgo.Record
		for i := 0; i < len(pairs); i += 2 {
			records = append(records, keyed(plain("x"), pairs[i]))
		}
		c.write(records...)
		for i, got := range c.only("sink", len(records)) {
			key := pairs[2*i+1]
			c.want(got, records[i], c.wrapped(records[i]).with("ce-key", key, "ce-partitionkey", key), "x")
		}
	}
}

func float32Key(f float32) string {
	return string(binary.BigEndian.AppendUint32(nil, math.Float32bits(f)))
}

func float64Key(f float64) string {
	return string(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
}

func wantOverrides(c *run) {
	records := []*kgo.Record{event("0", "ce_a", "the record's"), structured("1", `,"a":"the record's"`), event("2")}
	c.write(records...)
	c.each("sink", records, func(_ *kgo.Record, id string) (fields, string) { return small(id).with("ce-a", "x", "ce-b", "y"), "" })
	if c.profile == kinds[source] {
		r := plain("x", "kafkaheaderb", "1")
		c.write(r)
		c.want(c.only("sink", 4)[3], r, c.wrapped(r).with("ce-kafkaheaderkafkaheaderb", "1", "ce-a", "x", "ce-b", "y"), "x")
	}
}

// waitLag waits until the group lags behind the first topic's only partition by
// just so many offsets.
func (c *run) waitLag(want int64) {
	end, err := c.kafka.end(c.ctx, c.topics[0].name, 0)
	if err != nil {
		c.fatalf("%v", err)
	}
	c.waitPosition(c.ways[0], c.topics[0].name, 0, end-want)
}

// transact writes a record in a transaction of its own, which it commits or
// aborts.
func (c *run) transact(commit bool, r *kgo.Record) {
	client, err := c.kafka.another(kgo.TransactionalID(c.name("writer")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		c.fatalf("%v", err)
	}
	defer client.Close()
	r.Topic = c.topicOf(r)
	err = client.BeginTransaction()
	if err == nil {
		err = client.ProduceSync(c.ctx, r).FirstErr()
	}
	if err == nil {
		err = client.EndTransaction(c.ctx, kgo.TransactionEndTry(commit))
	}
	if err != nil {
		c.fatalf("write a transaction: %v", err)
	}
	// Kafka has decided then, and writes the marker a little later: what is
	// written next could come before it.
	c.poll(func() (bool, error) {
		end, err := c.kafka.end(c.ctx, r.Topic, r.Partition)
		return end > r.Offset+1, err
	}, "the marker behind offset %d of %s/%d", r.Offset, r.Topic, r.Partition)
	c.wrote(r.Topic, r.Partition)
}

// recently is a time that no retention has reached, with a fraction that ends in
// zeros.
func recently() time.Time { return time.Now().Truncate(time.Second).Add(120 * time.Millisecond) }
