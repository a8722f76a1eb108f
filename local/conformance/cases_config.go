package conformance

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"somssi/local/filter"
	"somssi/local/knative"
	twin "somssi/local/source"
)

// configRows are 9.7: what admission fills in and refuses, and what a dispatcher
// is told. They ask local/knative, and no Kafka.
var configRows = []row{
	{
		id: "V01", on: source, upstream: "kafka_validation_test.go", needs: admission, set: []option{unstarted},
		given: "no bootstrapServers, no topics, no sink, ordering: foo, initialOffset: foo", when: "such a source is checked", then: "each is refused with the path of its field",
		run: func(c *run) {
			c.wantRefused(map[string]func(*knative.KafkaSourceSpec){
				"spec.bootstrapServers": func(s *knative.KafkaSourceSpec) { s.BootstrapServers = nil },
				"spec.topics":           func(s *knative.KafkaSourceSpec) { s.Topics = nil },
				"spec.sink":             func(s *knative.KafkaSourceSpec) { s.Sink = knative.Destination{} },
				"spec.ordering":         func(s *knative.KafkaSourceSpec) { s.Ordering = "foo" },
				"spec.initialOffset":    func(s *knative.KafkaSourceSpec) { s.InitialOffset = "foo" },
			})
		},
	},
	{
		id: "V02", on: source, upstream: "kafka_defaults_test.go", needs: admission, set: []option{unstarted},
		given: "nothing but what is mandatory", when: "defaults are filled in", then: "consumers 1, a random group knative-kafka-source-<uuid>, ordered, latest",
		run: func(c *run) {
			var groups []string
			for range 2 {
				s := &knative.KafkaSource{}
				s.Default()
				groups = append(groups, s.Spec.ConsumerGroup)
				if *s.Spec.Consumers != 1 || s.Spec.Ordering != "ordered" || s.Spec.InitialOffset != "latest" {
					c.errorf("consumers %d, %s, %s", *s.Spec.Consumers, s.Spec.Ordering, s.Spec.InitialOffset)
				}
				if !randomGroup.MatchString(s.Spec.ConsumerGroup) {
					c.errorf("group %s", s.Spec.ConsumerGroup)
				}
			}
			if groups[0] == groups[1] {
				c.errorf("both groups are %s", groups[0])
			}
		},
	},
	{
		id: "V03", on: source, upstream: "kafka_validation_test.go", needs: admission, set: []option{unstarted},
		given: "a source", when: "its group is changed, or anything else", then: "the group is refused, the rest may change",
		run: func(c *run) {
			old := *c.ways[0].source
			changed := old
			changed.Spec.Topics, changed.Spec.Ordering, changed.Spec.InitialOffset = []string{"other"}, "unordered", "latest"
			changed.Spec.Sink, changed.Spec.Consumers = knative.Destination{URI: "http://other"}, new(int32(0))
			c.wantProblems("a change of all but the group", changed.ValidateUpdate(&old))
			changed.Spec.ConsumerGroup = "other"
			c.wantProblems("a change of the group", changed.ValidateUpdate(&old), "spec.consumerGroup")
		},
	},
	{
		id: "V04", on: source, upstream: "CP/core/config", needs: admission, set: []option{unstarted},
		given: "the label key-type", when: "it is string, int, float, byte-array, unknown or absent", then: "that type; unknown and absent are string",
		run: func(c *run) {
			for label, want := range map[string]string{"string": "string", "int": "int", "float": "float", "byte-array": "byte-array", "uuid": "string", "": "string"} {
				s := *c.ways[0].source
				if label != "" {
					s.Meta.Labels = map[string]string{knative.KeyTypeLabel: label}
				}
				if got := c.configOf(&s).KeyType; got != want {
					c.errorf("key type %q is %s, want %s", label, got, want)
				}
			}
		},
	},
	{
		id: "V05", on: source, upstream: "CP/core/config/utils_test.go", needs: admission, set: []option{unstarted},
		given: "a backoffDelay and a timeout", when: "they are PT0.25S, PT1.75S, PT0.3S, PT0.001S, PT1M0.19S", then: "a tenth of a second is kept, the rest cut off; a timeout of 0 is 600 s",
		run: func(c *run) {
			for text, want := range map[string]time.Duration{
				"PT0.25S": 200 * time.Millisecond, "PT1.75S": 1700 * time.Millisecond, "PT0.3S": 300 * time.Millisecond, "PT0.001S": 0,
				"PT1M0.19S": time.Minute + 100*time.Millisecond, "-PT2S": 2 * time.Second,
			} {
				s := *c.ways[0].source
				s.Spec.Delivery = &knative.Delivery{Retry: new(int32(1)), BackoffDelay: text, Timeout: text}
				got := c.configOf(&s).Delivery
				if got.Delay != want {
					c.errorf("backoffDelay %s is %v, want %v", text, got.Delay, want)
				}
				if want == 0 {
					want = 600 * time.Second
				}
				if got.Timeout != want {
					c.errorf("timeout %s is %v, want %v", text, got.Timeout, want)
				}
			}
		},
	},
	{
		id: "V06", on: trigger, upstream: "CP/reconciler/trigger", needs: admission, set: []option{unstarted},
		given: "the annotation delivery.order", when: "it is Ordered, ORDERED, ordered, unordered, foo or absent", then: "ordered; unordered; an error; unordered",
		run: func(c *run) {
			for order, want := range map[string]string{"Ordered": "ordered", "ORDERED": "ordered", "ordered": "ordered", "unordered": "unordered", "foo": "error", "": "unordered"} {
				w := *c.ways[0]
				t := *w.trigger
				t.Meta.Annotations = nil
				if order != "" {
					t.Meta.Annotations = map[string]string{knative.OrderAnnotation: order}
				}
				w.trigger = &t
				config, err := w.config(nil)
				got := map[bool]string{true: "ordered", false: "unordered"}[config.Ordered]
				if err != nil {
					got = "error"
				}
				if got != want {
					c.errorf("%q is %s, want %s", order, got, want)
				}
			}
		},
	},
	{
		id: "V07", on: trigger, upstream: "ControlPlaneTrigger_WithInvalidFilters", needs: admission, set: []option{unstarted},
		given: "filters", when: "an attribute is Foo or my-attr, CESQL does not parse, an object has two dialects", then: "they are refused",
		run: func(c *run) {
			for what, filters := range map[string]filter.Spec{
				"Foo": exact("Foo", "x"), "my-attr": suffix("my-attr", "x"), "CESQL": cesql("type = com.acme"),
				"two dialects": {Exact: map[string]string{"type": "a"}, CESQL: "TRUE"},
			} {
				t := *c.ways[0].trigger
				t.Spec.Filters = []filter.Spec{filters}
				c.wantProblems(what, t.Validate(), "spec.filters[0]")
			}
		},
	},
	{
		id: "V08", on: source, upstream: "delivery_types_test.go", needs: admission, set: []option{unstarted},
		given: "a delivery", when: "retry is -1, backoffPolicy or a duration is none, timeout is PT0S", then: "they are refused",
		run: func(c *run) {
			c.wantRefused(map[string]func(*knative.KafkaSourceSpec){
				"spec.delivery.retry":         func(s *knative.KafkaSourceSpec) { s.Delivery = &knative.Delivery{Retry: new(int32(-1))} },
				"spec.delivery.backoffPolicy": func(s *knative.KafkaSourceSpec) { s.Delivery = &knative.Delivery{BackoffPolicy: "random"} },
				"spec.delivery.backoffDelay":  func(s *knative.KafkaSourceSpec) { s.Delivery = &knative.Delivery{BackoffDelay: "1s"} },
				"spec.delivery.timeout":       func(s *knative.KafkaSourceSpec) { s.Delivery = &knative.Delivery{Timeout: "PT0S"} },
			})
		},
	},
	{
		id: "XV01", on: source, upstream: "contract 1.1 and 1.4: which delivery is which", needs: admission, set: []option{unstarted},
		given: "no delivery; one with only a dead letter sink; one with retry alone; one with only a policy", when: "a dispatcher is told", then: "10 exponential 300 ms; retry 0; exponential 200 ms; retry 0; always 600 s",
		run: func(c *run) {
			for _, tc := range []struct {
				given *knative.Delivery
				want  twin.Delivery
			}{
				{nil, twin.Delivery{Retry: 10, Exponential: true, Delay: 300 * time.Millisecond}},
				{&knative.Delivery{DeadLetterSink: &knative.Destination{URI: "http://dead"}}, twin.Delivery{}},
				{&knative.Delivery{Retry: new(int32(3))}, twin.Delivery{Retry: 3, Exponential: true, Delay: 200 * time.Millisecond}},
				{&knative.Delivery{BackoffPolicy: "linear", BackoffDelay: "PT3S"}, twin.Delivery{}},
				{&knative.Delivery{Retry: new(int32(2)), BackoffPolicy: "linear"}, twin.Delivery{Retry: 2, Delay: 200 * time.Millisecond}},
			} {
				s := *c.ways[0].source
				s.Spec.Delivery = tc.given
				tc.want.Timeout = 600 * time.Second
				if got := c.configOf(&s).Delivery; got != tc.want {
					c.errorf("%+v is %+v, want %+v", tc.given, got, tc.want)
				}
			}
		},
	},
}

var randomGroup = regexp.MustCompile(`^knative-kafka-source-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// wantRefused wants each change of the source to be refused at that field, and
// nothing else to be.
func (c *run) wantRefused(changes map[string]func(*knative.KafkaSourceSpec)) {
	c.wantProblems("the source as it is", c.ways[0].source.Validate())
	for field, change := range changes {
		s := *c.ways[0].source
		change(&s.Spec)
		c.wantProblems("the change of "+field, s.Validate(), field)
	}
}

// wantProblems wants these fields to be refused, and no others.
func (c *run) wantProblems(what string, err error, fields ...string) {
	var found knative.Problems
	errors.As(err, &found)
	var refused []string
	for _, p := range found {
		refused = append(refused, p.Field)
	}
	right := slices.EqualFunc(refused, fields, func(got, want string) bool { return strings.HasPrefix(got, want) })
	if !right {
		c.errorf("of %s was refused %q, want %q", what, refused, fields)
	}
}

// configOf is what a dispatcher is told.
func (c *run) configOf(s *knative.KafkaSource) twin.Config {
	config, err := (&way{source: s}).config(nil)
	if err != nil {
		c.errorf("%v", err)
	}
	return config
}
