package knative

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"somssi/local/filter"
	"somssi/local/source"
)

// Each row of contract section 1.4, and V08, holds for sources and triggers
// alike: what is refused, and what becomes of it where it is not asked.
func TestDelivery(t *testing.T) {
	const whole = 600 * time.Second
	n := func(retry int32) *int32 { return new(retry) }
	dead := &Destination{URI: "http://dead"}
	for name, tc := range map[string]struct {
		given  Delivery
		refuse []string
		want   source.Delivery
		dead   string
	}{
		"V05_PT0.25S":          {given: Delivery{Retry: n(1), BackoffDelay: "PT0.25S"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: 200 * time.Millisecond, Timeout: whole}},
		"V05_PT1.75S":          {given: Delivery{Retry: n(1), BackoffDelay: "PT1.75S"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: 1700 * time.Millisecond, Timeout: whole}},
		"V05_PT0.001S":         {given: Delivery{Retry: n(1), BackoffDelay: "PT0.001S"}, refuse: []string{"spec.delivery.backoffDelay: counts as 0"}, want: source.Delivery{Retry: 1, Exponential: true, Timeout: whole}},
		"PT0.3S":               {given: Delivery{Retry: n(1), BackoffDelay: "PT0.3S"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: 300 * time.Millisecond, Timeout: whole}},
		"PT0.09S":              {given: Delivery{Retry: n(1), BackoffDelay: "PT0.09S"}, refuse: []string{"spec.delivery.backoffDelay: counts as 0"}, want: source.Delivery{Retry: 1, Exponential: true, Timeout: whole}},
		"PT0S_without_retry":   {given: Delivery{Retry: n(0), BackoffDelay: "PT0S"}, want: source.Delivery{Exponential: true, Timeout: whole}},
		"negative_is_positive": {given: Delivery{Retry: n(1), BackoffDelay: "-PT2S", Timeout: "-PT3S"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: 2 * time.Second, Timeout: 3 * time.Second}},
		"timeout_is_cut":       {given: Delivery{Timeout: "PT1.75S"}, want: source.Delivery{Timeout: 1700 * time.Millisecond}},
		"no_delay":             {given: Delivery{Retry: n(3)}, want: source.Delivery{Retry: 3, Exponential: true, Delay: 200 * time.Millisecond, Timeout: whole}},
		"no_retry":             {given: Delivery{DeadLetterSink: dead, BackoffDelay: "PT1S", BackoffPolicy: "linear"}, want: source.Delivery{Timeout: whole}, dead: "http://dead"},
		"linear":               {given: Delivery{Retry: n(1), BackoffPolicy: "linear", BackoffDelay: "PT1S"}, want: source.Delivery{Retry: 1, Delay: time.Second, Timeout: whole}},
		"exponential":          {given: Delivery{Retry: n(1), BackoffPolicy: "exponential", BackoffDelay: "PT1S"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: time.Second, Timeout: whole}},
		"nothing_that_counts":  {given: Delivery{BackoffPolicy: "linear", BackoffDelay: "PT9S"}, want: source.Delivery{Timeout: whole}},
		"empty":                {given: Delivery{}, want: source.Delivery{Timeout: whole}},
		"dead_letter_only":     {given: Delivery{DeadLetterSink: dead}, want: source.Delivery{Timeout: whole}, dead: "http://dead"},
		"all":                  {given: Delivery{dead, n(2), "linear", "PT1M", "P1DT2H", ""}, want: source.Delivery{Retry: 2, Delay: time.Minute, Timeout: 26 * time.Hour}, dead: "http://dead"},
		"V08_timeout_PT0S":     {given: Delivery{Timeout: "PT0S"}, refuse: []string{"spec.delivery.timeout: counts as 0"}, want: source.Delivery{Timeout: whole}},
		"V08_timeout_PT0.05S":  {given: Delivery{Timeout: "PT0.05S"}, refuse: []string{"spec.delivery.timeout: counts as 0"}, want: source.Delivery{Timeout: whole}},
		"V08_policy":           {given: Delivery{Retry: n(1), BackoffPolicy: "Linear", BackoffDelay: "PT1S"}, refuse: []string{`spec.delivery.backoffPolicy: "Linear"`}, want: source.Delivery{Retry: 1, Exponential: true, Delay: time.Second, Timeout: whole}},
		"V08_negative_retry":   {given: Delivery{Retry: n(-1)}, refuse: []string{"spec.delivery.retry: negative"}, want: source.Delivery{Retry: -1, Exponential: true, Delay: 200 * time.Millisecond, Timeout: whole}},
		"retry_after_max":      {given: Delivery{Retry: n(1), RetryAfterMax: "PT1S"}, refuse: []string{"spec.delivery.retryAfterMax: is refused"}, want: source.Delivery{Retry: 1, Exponential: true, Delay: 200 * time.Millisecond, Timeout: whole}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource()
			s.Spec.Delivery = &tc.given
			tr, b := newTrigger(), newBroker()
			tr.Spec.Delivery = &tc.given
			wantProblems(t, s.Validate(), tc.refuse...)
			wantProblems(t, tr.Validate(), tc.refuse...)
			ofSource, err := s.Config(ClusterURL)
			if err != nil {
				t.Fatal(err)
			}
			ofTrigger, err := tr.Config(b, ClusterURL)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []source.Config{ofSource, ofTrigger} {
				if c.Delivery != tc.want || c.DeadLetterSink != tc.dead {
					t.Errorf("delivery %+v to %q, want %+v to %q", c.Delivery, c.DeadLetterSink, tc.want, tc.dead)
				}
			}
		})
	}
}

func TestDelivery_refused(t *testing.T) {
	for name, tc := range map[string]struct {
		given Delivery
		want  string
	}{
		"V08_delay":           {Delivery{Retry: new(int32(1)), BackoffDelay: "1s"}, `spec.delivery.backoffDelay: "1s" is no ISO 8601 duration`},
		"V08_delay_alone":     {Delivery{BackoffDelay: "1s"}, `spec.delivery.backoffDelay: "1s" is no ISO 8601 duration`},
		"V08_timeout":         {Delivery{Timeout: "PT"}, `spec.delivery.timeout: "PT" is no ISO 8601 duration`},
		"V08_only_a_sign":     {Delivery{Timeout: "-"}, `spec.delivery.timeout: "-" is no ISO 8601 duration`},
		"sign_inside":         {Delivery{Timeout: "PT-1S"}, "spec.delivery.timeout: no ISO"},
		"lower_case":          {Delivery{Timeout: "pt1s"}, "spec.delivery.timeout: no ISO"},
		"seconds_above_3276":  {Delivery{Timeout: "PT3277S"}, "spec.delivery.timeout: a part above 3276"},
		"a_very_long_time":    {Delivery{Timeout: "P3000Y"}, "spec.delivery.timeout: longer than 100 years"},
		"a_sum_too_long":      {Delivery{Timeout: "P99Y3000M"}, "spec.delivery.timeout: longer than 100 years"},
		"dead_letter_sink":    {Delivery{DeadLetterSink: &Destination{URI: "/x"}}, "spec.delivery.deadLetterSink.uri: relative"},
		"dead_letter_nowhere": {Delivery{DeadLetterSink: &Destination{}}, "spec.delivery.deadLetterSink: missing"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource()
			s.Spec.Delivery = &tc.given
			wantProblems(t, s.Validate(), tc.want)
		})
	}
	t.Run("Config_says_so_too", func(t *testing.T) {
		for field, d := range map[string]Delivery{"timeout": {Timeout: "x"}, "backoffDelay": {Retry: new(int32(1)), BackoffDelay: "x"}} {
			s, tr := newSource(), newTrigger()
			s.Spec.Delivery, tr.Spec.Delivery = &d, &d
			_, err := s.Config(ClusterURL)
			_, errOfTrigger := tr.Config(newBroker(), ClusterURL)
			for _, err := range []error{err, errOfTrigger} {
				if err == nil || !strings.Contains(err.Error(), "spec.delivery."+field+`: "x" is no`) {
					t.Errorf("error %v", err)
				}
			}
		}
	})
}

func TestKafkaSource_Config(t *testing.T) {
	plain := source.Config{
		Name: "orders", Namespace: "shop", Brokers: []string{"kafka:9092"}, Topics: []string{"orders"}, Group: "shop.orders",
		Latest: true, Ordered: true, KeyType: "string", Sink: "http://charge-card.shop.svc.cluster.local",
		Delivery: source.Delivery{Retry: 10, Exponential: true, Delay: 300 * time.Millisecond, Timeout: 600 * time.Second},
	}
	label := func(word string) func(*KafkaSource) {
		return func(s *KafkaSource) { s.Meta.Labels = map[string]string{KeyTypeLabel: word} }
	}
	for name, tc := range map[string]struct {
		change func(*KafkaSource)
		want   func(*source.Config)
	}{
		"nothing_given": {func(*KafkaSource) {}, func(*source.Config) {}},
		"defaulted":     {func(s *KafkaSource) { s.Default() }, func(*source.Config) {}},
		"earliest":      {func(s *KafkaSource) { s.Spec.InitialOffset = "earliest" }, func(c *source.Config) { c.Latest = false }},
		"unordered":     {func(s *KafkaSource) { s.Spec.Ordering = "unordered" }, func(c *source.Config) { c.Ordered = false }},
		"servers": {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:1, b:2", "c:3"} },
			func(c *source.Config) { c.Brokers = []string{"a:1", "b:2", "c:3"} }},
		"overrides":       {func(s *KafkaSource) { s.override("a", "b") }, func(c *source.Config) { c.Overrides = map[string]string{"a": "b"} }},
		"sink_uri":        {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "http://u:p@a/b?c"} }, func(c *source.Config) { c.Sink = "http://u:p@a/b?c" }},
		"sink_path":       {func(s *KafkaSource) { s.Spec.Sink.URI = "/b?c" }, func(c *source.Config) { c.Sink += "/b?c" }},
		"sink_elsewhere":  {func(s *KafkaSource) { s.Spec.Sink.Ref.Namespace = "bank" }, func(c *source.Config) { c.Sink = "http://charge-card.bank.svc.cluster.local" }},
		"V04_string":      {label("string"), func(*source.Config) {}},
		"V04_int":         {label("int"), func(c *source.Config) { c.KeyType = "int" }},
		"V04_float":       {label("float"), func(c *source.Config) { c.KeyType = "float" }},
		"V04_byte_array":  {label("byte-array"), func(c *source.Config) { c.KeyType = "byte-array" }},
		"V04_unknown":     {label("Int"), func(*source.Config) {}},
		"V04_other_label": {func(s *KafkaSource) { s.Meta.Labels = map[string]string{"key-type": "int"} }, func(*source.Config) {}},
	} {
		t.Run(name, func(t *testing.T) {
			s, want := newSource(), plain
			tc.change(s)
			tc.want(&want)
			got, err := s.Config(ClusterURL)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("config (error %v)\n%+v, want\n%+v", err, got, want)
			}
			if s.Spec.Sink.Ref != nil && s.Spec.Sink.Ref.Namespace == "shop" {
				t.Error("Config changed the source")
			}
		})
	}
	t.Run("without_a_group", func(t *testing.T) {
		s := newSource()
		s.Spec.ConsumerGroup = ""
		if _, err := s.Config(ClusterURL); err == nil || !strings.Contains(err.Error(), "spec.consumerGroup: missing") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("sink_not_found", func(t *testing.T) {
		for _, field := range []string{"spec.sink", "spec.delivery.deadLetterSink"} {
			s := newSource()
			s.Spec.Delivery = &Delivery{DeadLetterSink: &Destination{URI: "http://spec.delivery.deadLetterSink"}}
			s.Spec.Sink = Destination{URI: "http://spec.sink"}
			_, err := s.Config(func(d Destination) (string, error) {
				if d.URI == "http://"+field {
					return "", errors.New("not found")
				}
				return d.URI, nil
			})
			if err == nil || err.Error() != field+": not found" {
				t.Errorf("error %v, want %s: not found", err, field)
			}
		}
	})
}

func TestTrigger_Config(t *testing.T) {
	plain := source.Config{
		Name: "orders", Namespace: "shop", Topics: []string{"knative-broker-shop-main"}, Group: "knative-trigger-shop-orders",
		Latest: true, KeyType: "string", Trigger: true, Sink: "http://charge-card.shop.svc.cluster.local",
		Delivery: source.Delivery{Timeout: 600 * time.Second},
	}
	order := func(word string) func(*Trigger, *Broker) {
		return func(tr *Trigger, _ *Broker) { tr.Meta.Annotations = map[string]string{OrderAnnotation: word} }
	}
	ordered := func(c *source.Config) { c.Ordered = true }
	dead := &Destination{URI: "http://dead"}
	for name, tc := range map[string]struct {
		change func(*Trigger, *Broker)
		want   func(*source.Config)
	}{
		"nothing_given": {func(*Trigger, *Broker) {}, func(*source.Config) {}},
		"V06_ordered":   {order("ordered"), ordered},
		"V06_Ordered":   {order("Ordered"), ordered},
		"V06_ORDERED":   {order("ORDERED"), ordered},
		"V06_unordered": {order("unOrdered"), func(*source.Config) {}},
		"external_topic": {func(_ *Trigger, b *Broker) { b.Meta.Annotations[ExternalTopicAnnotation] = "orders" },
			func(c *source.Config) { c.Topics = []string{"orders"} }},
		"delivery_of_the_broker": {func(_ *Trigger, b *Broker) { b.Spec.Delivery = &Delivery{DeadLetterSink: dead, Retry: new(int32(3))} },
			func(c *source.Config) {
				c.Delivery = source.Delivery{Retry: 3, Exponential: true, Delay: 200 * time.Millisecond, Timeout: 600 * time.Second}
				c.DeadLetterSink = "http://dead"
			}},
		"delivery_is_taken_whole": {func(tr *Trigger, b *Broker) {
			b.Spec.Delivery = &Delivery{DeadLetterSink: dead, Retry: new(int32(3)), Timeout: "PT1S"}
			tr.Spec.Delivery = &Delivery{Retry: new(int32(1))}
		}, func(c *source.Config) {
			c.Delivery = source.Delivery{Retry: 1, Exponential: true, Delay: 200 * time.Millisecond, Timeout: 600 * time.Second}
		}},
		"delivery_is_taken_whole_when_empty": {func(tr *Trigger, b *Broker) {
			b.Spec.Delivery = &Delivery{DeadLetterSink: dead, Retry: new(int32(3))}
			tr.Spec.Delivery = &Delivery{}
		}, func(*source.Config) {}},
	} {
		t.Run(name, func(t *testing.T) {
			tr, b, want := newTrigger(), newBroker(), plain
			tc.change(tr, b)
			tc.want(&want)
			got, err := tr.Config(b, ClusterURL)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("config (error %v)\n%+v, want\n%+v", err, got, want)
			}
		})
	}
	for name, tc := range map[string]struct {
		change func(*Trigger, *Broker)
		want   string
	}{
		"V06_foo":         {order("foo"), `"foo" is neither ordered nor unordered`},
		"V07_cesql":       {func(tr *Trigger, _ *Broker) { tr.Spec.Filters = []filter.Spec{{CESQL: "type = com.acme"}} }, "filters[0].cesql"},
		"other_broker":    {func(tr *Trigger, _ *Broker) { tr.Spec.Broker = "other" }, "spec.broker: the trigger is of broker shop/other"},
		"other_namespace": {func(_ *Trigger, b *Broker) { b.Meta.Namespace = "bank" }, "not of bank/main"},
		"subscriber":      {func(tr *Trigger, _ *Broker) { tr.Spec.Subscriber.Ref.Kind = "KafkaSink" }, "spec.subscriber: address of KafkaSink charge-card"},
	} {
		t.Run(name, func(t *testing.T) {
			tr, b := newTrigger(), newBroker()
			tc.change(tr, b)
			if _, err := tr.Config(b, ClusterURL); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
}

func TestTrigger_Config_filter(t *testing.T) {
	event := map[string]string{"type": "b", "source": "/s"}
	for name, tc := range map[string]struct {
		filter  map[string]string
		filters []filter.Spec
		pass    bool
		why     string
	}{
		"filter":            {filter: map[string]string{"type": "a"}, why: "type"},
		"filter_passes":     {filter: map[string]string{"type": "b"}, pass: true},
		"filters":           {filters: []filter.Spec{{CESQL: "type = 'b'"}, {Prefix: map[string]string{"source": "/x"}}}, why: "source"},
		"filters_alone":     {filter: map[string]string{"type": "a"}, filters: []filter.Spec{{CESQL: "TRUE"}}, pass: true},
		"both_and_no_match": {filter: map[string]string{"type": "b"}, filters: []filter.Spec{{CESQL: "FALSE"}}, why: "FALSE"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrigger()
			tr.Spec.Filter, tr.Spec.Filters = &TriggerFilter{tc.filter}, tc.filters
			c, err := tr.Config(newBroker(), ClusterURL)
			if err != nil {
				t.Fatal(err)
			}
			if pass, why := c.Filter(event); pass != tc.pass || !strings.Contains(why, tc.why) {
				t.Errorf("pass %v because %q", pass, why)
			}
		})
	}
}

func TestISO(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "PT0S", 500 * time.Millisecond: "PT0.5S", 250 * time.Millisecond: "PT0.2S", 30 * time.Second: "PT30S", 90 * time.Second: "PT1M30S",
		2 * time.Hour: "PT2H", 24 * time.Hour: "P1D", 25*time.Hour + 100*time.Millisecond: "P1DT1H0.1S", 4000 * time.Second: "PT1H6M40S",
	} {
		got := ISO(d)
		back, err := parseDuration(got)
		if got != want || err != nil || back != d.Truncate(time.Second/10) {
			t.Errorf("%v is %s, want %s; read back %v %v", d, got, want, back, err)
		}
	}
}

// No text brings the parser down, and what it reads can be waited for.
func FuzzDuration(f *testing.F) {
	for _, text := range []string{"PT0.25S", "-PT1S", "+P1DT", "P1Y2M3W4DT5H6M7.89S", "P", "-", "-P", "P0", "PT3277S", "P3276Y", "P99Y3000M", "P100Y", "PT1.S", "PT,5S", "P-1D"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseDuration(text)
		if err == nil && (d < 0 || d%(100*time.Millisecond) != 0 || d > 150*365*24*time.Hour) {
			t.Errorf("%q is %v", text, d)
		}
	})
}
