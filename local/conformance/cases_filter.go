package conformance

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/filter"
)

// filterRows are 9.4: which events a Trigger delivers.
var filterRows = []row{
	{
		id: "F01", on: trigger, upstream: "new_trigger_filters/feature.go SingleDialectFilterFeatures",
		given: "four triggers, each with one dialect on type: exact, prefix, suffix, cesql", when: "events of five types are written", then: "each gets those that match, and no others",
		set: []option{
			filtered(exact("type", "com.example.made")), another("prefix", filtered(prefix("type", "com."))),
			another("suffix", filtered(suffix("type", ".made"))), another("cesql", filtered(cesql("type = 'com.example.made' OR type LIKE 'x%'"))),
		},
		run: func(c *run) {
			c.wantTypes([]string{"com.example.made", "com.example.Made", "org.made", "x.y", "xcom."}, map[string]string{
				"sink": "com.example.made", "sinkprefix": "com.example.made com.example.Made",
				"sinksuffix": "com.example.made org.made", "sinkcesql": "com.example.made x.y xcom.",
			})
		},
	},
	{
		id: "F02", on: trigger, upstream: "ExactFilterTest.shouldConsiderEmptyStringAsAnyValue",
		given: "triggers with an empty value: for type, and for an extension that the event lacks, in exact, prefix and filter.attributes", when: "an event is written", then: "all match",
		set: []option{
			filtered(exact("type", "")), another("two", filtered(filter.Spec{Exact: map[string]string{"lacking": "", "type": "y"}})),
			another("three", filtered(prefix("lacking", ""))), another("four", exactly("lacking", "")),
		},
		run: func(c *run) {
			c.wantTypes([]string{"y"}, map[string]string{"sink": "y", "sinktwo": "y", "sinkthree": "y", "sinkfour": "y"})
		},
	},
	{
		id: "F03", on: trigger, upstream: "shouldNotPassOnNonExistentAttributes; NonMatchingExtensions",
		given: "exact on an extension", when: "an event lacks it, has another value, or that value", then: "only the last one matches",
		set: []option{filtered(exact("region", "kr"))},
		run: wantEvents("kr", event("none"), event("other", "ce_region", "de"), event("case", "ce_region", "KR"), event("kr", "ce_region", "kr")),
	},
	{
		id: "F04", on: trigger, upstream: "regression ad9d82a5",
		given: "exact on subject", when: "an event without subject is written, and one with it", then: "the first is no match and does no harm, the second is delivered",
		set: []option{filtered(exact("subject", "u"))},
		run: wantEvents("u", event("none"), event("other", "ce_subject", "v"), event("u", "ce_subject", "u")),
	},
	{
		id: "F06", on: trigger, upstream: "AnyFilterFeature; AnyFilterMultipleExactFiltersFeature",
		given: "any of exact and prefix, any of two exacts", when: "events are written", then: "either is enough",
		set: []option{
			filtered(filter.Spec{Any: []filter.Spec{exact("type", "a"), prefix("source", "/b")}}),
			another("two", filtered(filter.Spec{Any: []filter.Spec{exact("type", "a"), exact("type", "b")}})),
		},
		run: func(c *run) {
			c.write(typed("a"), typed("b"), typed("c"), event("d", "ce_source", "/bb"))
			c.wantAt(map[string]string{"sink": "a d", "sinktwo": "a b"})
		},
	},
	{
		id: "F07", on: trigger, upstream: "AllFilterFeature; AllFilterTest",
		given: "all of two, all of nothing", when: "events match one, the other, both", then: "both are needed; all pass",
		set: []option{
			filtered(filter.Spec{All: []filter.Spec{exact("type", "y"), exact("subject", "u")}}),
			another("none", filtered(filter.Spec{All: []filter.Spec{}})),
		},
		run: func(c *run) {
			c.write(event("one"), event("other", "ce_type", "z", "ce_subject", "u"), event("both", "ce_subject", "u"))
			c.wantAt(map[string]string{"sink": "both", "sinknone": "one other both"})
		},
	},
	{
		id: "F08", on: trigger, upstream: "NotFilterTest",
		given: "not of exact, not of not", when: "events are written", then: "the inverse, and the same",
		set: []option{
			filtered(filter.Spec{Not: new(exact("type", "a"))}),
			another("two", filtered(filter.Spec{Not: &filter.Spec{Not: new(exact("type", "a"))}})),
		},
		run: func(c *run) { c.wantTypes([]string{"a", "b"}, map[string]string{"sink": "b", "sinktwo": "a"}) },
	},
	{
		id: "F09", on: trigger, upstream: "MultipleFiltersFeature",
		given: "three filters side by side", when: "events are written", then: "all of them must match",
		set: []option{filtered(prefix("type", "com."), suffix("type", ".made"), cesql("EXISTS region"))},
		run: wantEvents("all", event("a", "ce_type", "com.made", "ce_regio", "x"), event("b", "ce_type", "com.x", "ce_region", "kr"),
			event("c", "ce_type", "x.made", "ce_region", "kr"), event("all", "ce_type", "com.x.made", "ce_region", "kr")),
	},
	{
		id: "F10", on: trigger, upstream: "FiltersOverrideAttributeFilterFeature; FilterAttributeWithEmptyFiltersFeature",
		given: "one trigger with filters and filter.attributes, another with empty filters and filter.attributes", when: "events are written",
		then: "the first goes by filters alone, the second by filter.attributes",
		set:  []option{exactly("type", "a"), filtered(exact("type", "b")), another("two", exactly("type", "a"), filtered())},
		run:  func(c *run) { c.wantTypes([]string{"a", "b"}, map[string]string{"sink": "b", "sinktwo": "a"}) },
	},
	{
		id: "F11", on: trigger, upstream: "MissingAttributesFeature",
		given: "exact, prefix, suffix and cesql on an attribute that no event has", when: "events are written", then: "nothing is delivered",
		set: []option{
			filtered(exact("lacking", "x")), another("prefix", filtered(prefix("lacking", "x"))), another("suffix", filtered(suffix("lacking", "x"))),
			another("cesql", filtered(cesql("lacking = 'x'"))),
		},
		run: func(c *run) {
			c.wantTypes([]string{"a", "b"}, map[string]string{"sink": "", "sinkprefix": "", "sinksuffix": "", "sinkcesql": ""})
		},
	},
	{
		id: "F13", on: trigger, upstream: "MultipleTriggersAndSinksFeature; ManyTriggers",
		given: "two triggers", when: "an event matches both, and one matches one", then: "both get the first, only that one the other",
		set: []option{filtered(exact("subject", "u")), another("two", filtered(exact("type", "y")))},
		run: func(c *run) {
			c.write(event("both", "ce_subject", "u"), event("one"))
			c.wantAt(map[string]string{"sink": "both", "sinktwo": "both one"})
		},
	},
	{
		id: "F14", on: trigger, upstream: "shouldNotSendToSubscriberNorToDeadLetterSink; OffsetManagerTest",
		given: "a dead letter sink", when: "events that do not match are between those that do, and at the end", then: "they go nowhere, and the committed offset passes them",
		set: []option{dead, filtered(exact("type", "a"))},
		run: func(c *run) {
			c.write(typed("b"), typed("a"), typed("c"), event("a2", "ce_type", "a"), typed("d"))
			c.allCommitted()
			c.inOrder(c.requests("sink"), "a", "a2")
			c.count("dead", 0)
		},
	},
	{
		id: "F15", on: trigger, upstream: "code",
		given: "two partitions, and exact on knativekafkapartition", when: "events are written to both", then: "those of that partition are delivered",
		set: []option{partitions(2), filtered(exact("knativekafkapartition", "1"))},
		run: func(c *run) {
			c.write(on(0, event("a"), event("b"))...)
			c.write(on(1, event("c"))...)
			c.wantAt(map[string]string{"sink": "c"})
		},
	},
	{
		id: "XF01", on: trigger, upstream: "contract 1.3: time is compared as an instant in UTC",
		given: "exact on time", when: "events have that instant, in another offset, or with other digits", then: "all that mean this instant match",
		set: []option{filtered(exact("time", "2020-01-01T00:00:00.120Z"))},
		run: wantEvents("utc berlin", event("utc", "ce_time", "2020-01-01T00:00:00.12Z"), event("berlin", "ce_time", "2020-01-01T01:00:00.120000+01:00"),
			event("none"), event("later", "ce_time", "2020-01-01T00:00:00.121Z")),
	},
	{
		id: "XF02", on: trigger, upstream: "contract 1.3: numbers and booleans by their text; specversion too",
		given: "exact on an integer, a boolean and specversion", when: "structured events have them", then: "they match by their text",
		set: []option{
			filtered(exact("n", "5")), another("two", filtered(exact("b", "true"))), another("three", filtered(exact("specversion", "0.3"))),
		},
		run: func(c *run) {
			c.write(structured("n", `,"n":5`), structured("b", `,"b":true`), event("v", "ce_specversion", "0.3"))
			c.wantAt(map[string]string{"sink": "n", "sinktwo": "b", "sinkthree": "v"})
		},
	},
	{
		id: "XF03", on: trigger, upstream: "contract 1.3: the result of CESQL is cast to a boolean",
		given: "cesql whose result is a text or a number, and one that fails", when: "an event is written", then: "'TRUE' and 1 pass, 'FALSE', 0 and a failure do not",
		set: []option{
			filtered(cesql("'TRUE'")), another("one", filtered(cesql("1"))), another("false", filtered(cesql("'FALSE'"))),
			another("zero", filtered(cesql("0"))), another("fails", filtered(cesql("1 / 0"))),
		},
		run: func(c *run) {
			c.wantTypes([]string{"y"}, map[string]string{"sink": "y", "sinkone": "y", "sinkfalse": "", "sinkzero": "", "sinkfails": ""})
		},
	},
	{
		id: "XF04", on: trigger, upstream: "contract 1.3: prefix, suffix and exact tell case apart",
		given: "prefix on source", when: "events have it in other cases", then: "only the very text matches",
		set: []option{filtered(prefix("source", "/Shop"))},
		run: wantEvents("same", event("lower", "ce_source", "/shop/1"), event("same", "ce_source", "/Shop/1")),
	},
}

func exact(attribute, value string) filter.Spec {
	return filter.Spec{Exact: map[string]string{attribute: value}}
}

func prefix(attribute, value string) filter.Spec {
	return filter.Spec{Prefix: map[string]string{attribute: value}}
}

func suffix(attribute, value string) filter.Spec {
	return filter.Spec{Suffix: map[string]string{attribute: value}}
}

func cesql(expression string) filter.Spec { return filter.Spec{CESQL: expression} }

// typed is an event whose id and type are the same.
func typed(eventType string) *kgo.Record { return event(eventType, "ce_type", eventType) }

// wantEvents writes events, and wants those to come whose ids these are.
func wantEvents(ids string, records ...*kgo.Record) func(*run) {
	return func(c *run) {
		c.write(fresh(records)...)
		c.wantAt(map[string]string{"sink": ids})
	}
}

// fresh copies the records of a table, which writing changes.
func fresh(records []*kgo.Record) (all []*kgo.Record) {
	for _, r := range records {
		one := *r
		all = append(all, &one)
	}
	return all
}

// wantTypes writes an event of each type, and wants these at each sink.
func (c *run) wantTypes(types []string, want map[string]string) {
	for _, t := range types {
		c.write(typed(t))
	}
	c.wantAt(want)
}

// wantAt wants just these events at each sink when all is done with.
func (c *run) wantAt(want map[string]string) {
	c.settle()
	for sink, ids := range want {
		var came []string
		for _, r := range c.requests(sink) {
			came = append(came, r.ID())
		}
		if got := strings.Join(came, " "); got != ids {
			c.errorf("at /%s came %q, want %q", sink, got, ids)
		}
	}
}
