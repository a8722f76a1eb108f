package knative

import (
	"regexp"
	"strings"
	"testing"

	"somssi/local/filter"
)

func newSource() *KafkaSource {
	return &KafkaSource{Meta: Meta{Name: "orders", Namespace: "shop"}, Spec: KafkaSourceSpec{
		BootstrapServers: []string{"kafka:9092"}, Topics: []string{"orders"}, ConsumerGroup: "shop.orders",
		Sink: Service("charge-card"),
	}}
}

func newTrigger() *Trigger {
	return &Trigger{Meta: Meta{Name: "orders", Namespace: "shop"}, Spec: TriggerSpec{Broker: "main", Subscriber: Service("charge-card")}}
}

func newBroker() *Broker {
	return &Broker{Meta: Meta{Name: "main", Namespace: "shop", Annotations: map[string]string{ClassAnnotation: ClassKafka}}}
}

// wantProblems holds what Validate found against lines of field and a part of
// the rest, in order.
func wantProblems(t *testing.T, err error, want ...string) {
	t.Helper()
	found := problems(err)
	if len(found) != len(want) || (err == nil) != (len(want) == 0) {
		t.Fatalf("found %d problems, want %d:\n%v", len(found), len(want), err)
	}
	for i, p := range found {
		field, part, _ := strings.Cut(want[i], ": ")
		if p.Field != field || !strings.Contains(p.What, part) || p.Fix == "" {
			t.Errorf("problem %q, want %q and a fix", p, want[i])
		}
	}
}

func TestKafkaSource_Validate(t *testing.T) {
	secret := func(name, key string) *Secret { return &Secret{SecretKeyRef{name, key}} }
	for name, tc := range map[string]struct {
		change func(*KafkaSource)
		want   []string
	}{
		"as_it_should_be":          {func(*KafkaSource) {}, nil},
		"V01_no_bootstrap_servers": {func(s *KafkaSource) { s.Spec.BootstrapServers = nil }, []string{"spec.bootstrapServers: missing"}},
		"V01_no_topics":            {func(s *KafkaSource) { s.Spec.Topics = []string{} }, []string{"spec.topics: missing"}},
		"V01_no_sink":              {func(s *KafkaSource) { s.Spec.Sink = Destination{} }, []string{"spec.sink: missing"}},
		"V01_ordering":             {func(s *KafkaSource) { s.Spec.Ordering = "foo" }, []string{`spec.ordering: "foo" is not known`}},
		"V01_ordering_is_exact":    {func(s *KafkaSource) { s.Spec.Ordering = "Ordered" }, []string{`spec.ordering: "Ordered"`}},
		"V01_initial_offset":       {func(s *KafkaSource) { s.Spec.InitialOffset = "foo" }, []string{`spec.initialOffset: "foo" is not known`}},
		"V01_all_at_once": {func(s *KafkaSource) { s.Spec = KafkaSourceSpec{Ordering: "foo", InitialOffset: "foo"} },
			[]string{"spec.bootstrapServers: missing", "spec.topics: missing", "spec.initialOffset: foo", "spec.ordering: foo", "spec.sink: missing"}},
		"all_words": {func(s *KafkaSource) { s.Spec.Ordering, s.Spec.InitialOffset = "unordered", "earliest" }, nil},

		"no_name":             {func(s *KafkaSource) { s.Meta.Name = "" }, []string{"metadata.name: missing"}},
		"no_namespace":        {func(s *KafkaSource) { s.Meta.Namespace = "" }, []string{"metadata.namespace: missing"}},
		"name":                {func(s *KafkaSource) { s.Meta.Name = "Orders" }, []string{"metadata.name: none that Kubernetes takes"}},
		"name_with_dots":      {func(s *KafkaSource) { s.Meta.Name = "a.b-1" }, nil},
		"name_too_long":       {func(s *KafkaSource) { s.Meta.Name = strings.Repeat("a", 254) }, []string{"metadata.name: none"}},
		"namespace_with_dots": {func(s *KafkaSource) { s.Meta.Namespace = "a.b" }, []string{"metadata.namespace: none"}},
		"namespace_too_long":  {func(s *KafkaSource) { s.Meta.Namespace = strings.Repeat("a", 64) }, []string{"metadata.namespace: none"}},

		"several_servers_in_one": {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:1, b:2", "[::1]:3"} }, nil},
		"server_without_port":    {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:1", "kafka"} }, []string{"spec.bootstrapServers[1]: no host:port"}},
		"server_without_host":    {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{":9092"} }, []string{"spec.bootstrapServers[0]: no host:port"}},
		"server_of_a_blank":      {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:1, :9092"} }, []string{"spec.bootstrapServers[0]: no host:port"}},
		"server_with_port_0":     {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:0"} }, []string{"spec.bootstrapServers[0]: no host:port"}},
		"server_port_too_high":   {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{"a:65536"} }, []string{"spec.bootstrapServers[0]: no host:port"}},
		"empty_server":           {func(s *KafkaSource) { s.Spec.BootstrapServers = []string{""} }, []string{"spec.bootstrapServers[0]: no host:port"}},
		"empty_topic":            {func(s *KafkaSource) { s.Spec.Topics = []string{"a", ""} }, []string{"spec.topics[1]: is empty"}},
		"topic_pattern":          {func(s *KafkaSource) { s.Spec.Topics = []string{"orders.*"} }, []string{"spec.topics[0]: no patterns"}},
		"topic_dots":             {func(s *KafkaSource) { s.Spec.Topics = []string{".."} }, []string{"spec.topics[0]: no name"}},
		"topic_too_long":         {func(s *KafkaSource) { s.Spec.Topics = []string{strings.Repeat("a", 250)} }, []string{"spec.topics[0]: no name"}},
		"negative_consumers":     {func(s *KafkaSource) { s.Spec.Consumers = new(int32(-1)) }, []string{"spec.consumers: -1 is negative"}},
		"no_consumers":           {func(s *KafkaSource) { s.Spec.Consumers = new(int32(0)) }, nil},
		"delivery":               {func(s *KafkaSource) { s.Spec.Delivery = &Delivery{Retry: new(int32(-1))} }, []string{"spec.delivery.retry: -1 is negative"}},

		"key_type":         {func(s *KafkaSource) { s.Meta.Labels = map[string]string{KeyTypeLabel: "byte-array"} }, nil},
		"key_type_unknown": {func(s *KafkaSource) { s.Meta.Labels = map[string]string{KeyTypeLabel: "Int"} }, []string{"metadata.labels[" + KeyTypeLabel + `]: "Int" is not known`}},
		"key_type_empty":   {func(s *KafkaSource) { s.Meta.Labels = map[string]string{KeyTypeLabel: ""} }, []string{"metadata.labels[" + KeyTypeLabel + "]: is empty"}},

		"overrides":                  {func(s *KafkaSource) { s.override("ext1", "a\tb é") }, nil},
		"H3_override_upper_case":     {func(s *KafkaSource) { s.override("Ext", "x") }, []string{"spec.ceOverrides.extensions[Ext]: has an upper-case letter"}},
		"H3_override_dash":           {func(s *KafkaSource) { s.override("my-ext", "x") }, []string{"spec.ceOverrides.extensions[my-ext]: is no name"}},
		"H3_override_without_name":   {func(s *KafkaSource) { s.override("", "x") }, []string{"spec.ceOverrides.extensions[]: is no name"}},
		"H5_override_with_a_control": {func(s *KafkaSource) { s.override("ext", "a\nb") }, []string{"spec.ceOverrides.extensions[ext]: control character"}},
		"H5_override_with_a_delete":  {func(s *KafkaSource) { s.override("ext", "\x7f") }, []string{"spec.ceOverrides.extensions[ext]: control character"}},

		"net": {func(s *KafkaSource) {
			s.Spec.Net = &Net{&SASL{true, secret("a", "u"), secret("a", "p"), secret("a", "t")}, &TLS{true, secret("a", "c"), secret("a", "k"), secret("a", "ca")}}
		}, nil},
		"net_oauth":       {func(s *KafkaSource) { s.Spec.Net = &Net{SASL: &SASL{Enable: true, Type: secret("a", "t")}} }, nil},
		"net_no_user":     {func(s *KafkaSource) { s.Spec.Net = &Net{SASL: &SASL{Enable: true}} }, []string{"spec.net.sasl: without user and password"}},
		"net_no_password": {func(s *KafkaSource) { s.Spec.Net = &Net{SASL: &SASL{User: secret("a", "u")}} }, []string{"spec.net.sasl.password: missing"}},
		"net_no_cert":     {func(s *KafkaSource) { s.Spec.Net = &Net{TLS: &TLS{Key: secret("a", "k")}} }, []string{"spec.net.tls.cert: missing"}},
		"net_secret":      {func(s *KafkaSource) { s.Spec.Net = &Net{TLS: &TLS{CACert: secret("a", "")}} }, []string{"spec.net.tls.caCert.secretKeyRef: not whole"}},

		"sink_uri":           {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "http://a/b"} }, nil},
		"sink_relative":      {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "/b"} }, []string{"spec.sink.uri: relative without a ref"}},
		"sink_of_any_scheme": {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "//a/b"} }, []string{"spec.sink.uri: relative without a ref"}},
		"sink_without_host":  {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "http:///b"} }, []string{"spec.sink.uri: relative without a ref"}},
		"sink_ref_and_path":  {func(s *KafkaSource) { s.Spec.Sink.URI = "/b" }, nil},
		"sink_ref_and_uri":   {func(s *KafkaSource) { s.Spec.Sink.URI = "http://a/b" }, []string{"spec.sink.uri: absolute beside a ref"}},
		"sink_ftp":           {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "ftp://a/b"} }, []string{"spec.sink.uri: scheme"}},
		"sink_no_url":        {func(s *KafkaSource) { s.Spec.Sink = Destination{URI: "http://u:secret@a b"} }, []string{"spec.sink.uri: is no URL"}},
		"sink_ref_not_whole": {func(s *KafkaSource) { s.Spec.Sink = Destination{Ref: &Reference{}} }, []string{"spec.sink.ref.apiVersion: missing", "spec.sink.ref.kind: missing", "spec.sink.ref.name: missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSource()
			tc.change(s)
			err := s.Validate()
			wantProblems(t, err, tc.want...)
			if err != nil && strings.Contains(err.Error(), "secret@") {
				t.Errorf("a password is in %v", err)
			}
		})
	}
}

func (s *KafkaSource) override(name, value string) {
	s.Spec.CEOverrides = &CEOverrides{Extensions: map[string]string{name: value}}
}

func TestKafkaSource_Default(t *testing.T) {
	random := regexp.MustCompile(`^knative-kafka-source-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	t.Run("V02_nothing_given", func(t *testing.T) {
		var a, b KafkaSource
		a.Default()
		b.Default()
		s := a.Spec
		if !random.MatchString(s.ConsumerGroup) || s.ConsumerGroup == b.Spec.ConsumerGroup {
			t.Errorf("groups %s and %s", s.ConsumerGroup, b.Spec.ConsumerGroup)
		}
		if *s.Consumers != 1 || s.Ordering != "ordered" || s.InitialOffset != "latest" || s.Delivery != nil {
			t.Errorf("defaults %+v", s)
		}
	})
	t.Run("V02_all_given", func(t *testing.T) {
		s := KafkaSource{Spec: KafkaSourceSpec{ConsumerGroup: "g", Consumers: new(int32(0)), Ordering: "unordered", InitialOffset: "earliest"}}
		s.Default()
		if s.Spec.ConsumerGroup != "g" || *s.Spec.Consumers != 0 || s.Spec.Ordering != "unordered" || s.Spec.InitialOffset != "earliest" || !s.Paused() {
			t.Errorf("changed to %+v", s.Spec)
		}
	})
}

func TestValidateUpdate(t *testing.T) {
	t.Run("V03_group_changed", func(t *testing.T) {
		s := newSource()
		s.Spec.ConsumerGroup = "other"
		wantProblems(t, s.ValidateUpdate(newSource()), `spec.consumerGroup: can not be changed, and was "shop.orders"`)
	})
	t.Run("V03_group_changed_and_more_is_wrong", func(t *testing.T) {
		s := newSource()
		s.Spec.ConsumerGroup, s.Spec.Topics = "other", nil
		wantProblems(t, s.ValidateUpdate(newSource()), "spec.topics: missing", "spec.consumerGroup: can not be changed")
	})
	t.Run("V03_all_else_changed", func(t *testing.T) {
		s := newSource()
		s.Spec = KafkaSourceSpec{
			BootstrapServers: []string{"other:9092"}, Topics: []string{"other"}, ConsumerGroup: s.Spec.ConsumerGroup, Consumers: new(int32(3)),
			InitialOffset: "earliest", Ordering: "unordered", Delivery: &Delivery{Retry: new(int32(1))}, Sink: Service("other"),
		}
		s.override("a", "b")
		wantProblems(t, s.ValidateUpdate(newSource()))
	})
	t.Run("trigger_broker_changed", func(t *testing.T) {
		tr := newTrigger()
		tr.Spec.Broker = "other"
		wantProblems(t, tr.ValidateUpdate(newTrigger()), `spec.broker: can not be changed, and was "main"`)
	})
	t.Run("trigger_all_else_changed", func(t *testing.T) {
		tr := newTrigger()
		tr.Spec = TriggerSpec{Broker: "main", Subscriber: Service("other"), Delivery: &Delivery{Retry: new(int32(1))}}
		wantProblems(t, tr.ValidateUpdate(newTrigger()))
	})
}

func TestTrigger_Validate(t *testing.T) {
	order := func(word string) func(*Trigger) {
		return func(tr *Trigger) { tr.Meta.Annotations = map[string]string{OrderAnnotation: word} }
	}
	for name, tc := range map[string]struct {
		change func(*Trigger)
		want   []string
	}{
		"as_it_should_be": {func(*Trigger) {}, nil},
		"no_broker":       {func(tr *Trigger) { tr.Spec.Broker = "" }, []string{"spec.broker: missing"}},
		"no_subscriber":   {func(tr *Trigger) { tr.Spec.Subscriber = Destination{} }, []string{"spec.subscriber: missing"}},
		"delivery":        {func(tr *Trigger) { tr.Spec.Delivery = &Delivery{BackoffPolicy: "x"} }, []string{"spec.delivery.backoffPolicy: not known"}},
		"filter":          {func(tr *Trigger) { tr.Spec.Filter = &TriggerFilter{map[string]string{"type": "a", "x1": ""}} }, nil},
		"filters": {func(tr *Trigger) {
			tr.Spec.Filters = []filter.Spec{{Exact: map[string]string{"type": "a"}}, {Not: &filter.Spec{CESQL: "EXISTS region"}}}
		}, nil},
		"V07_Foo": {func(tr *Trigger) { tr.Spec.Filters = []filter.Spec{{Prefix: map[string]string{"Foo": "a"}}} }, []string{`spec.filters[0].prefix: "Foo"`}},
		"V07_my-attr": {func(tr *Trigger) {
			tr.Spec.Filters = []filter.Spec{{All: []filter.Spec{{Suffix: map[string]string{"my-attr": "a"}}}}}
		}, []string{`spec.filters[0].all[0].suffix: "my-attr"`}},
		"V07_Foo_in_attributes": {func(tr *Trigger) { tr.Spec.Filter = &TriggerFilter{map[string]string{"Foo": "a"}} }, []string{`spec.filter.attributes: "Foo"`}},
		"V07_invalid_cesql":     {func(tr *Trigger) { tr.Spec.Filters = []filter.Spec{{CESQL: "type = com.acme"}} }, []string{"spec.filters[0].cesql: "}},
		"V07_two_dialects": {func(tr *Trigger) {
			tr.Spec.Filters = []filter.Spec{{CESQL: "TRUE", Exact: map[string]string{"type": "a"}}}
		}, []string{"spec.filters[0]: 2 dialects"}},
		"V07_filter_beside_filters": {func(tr *Trigger) {
			tr.Spec.Filter, tr.Spec.Filters = &TriggerFilter{map[string]string{"Foo": "a"}}, []filter.Spec{{CESQL: "TRUE"}, {}}
		}, []string{`spec.filter.attributes: "Foo"`, "spec.filters[1]: no dialect"}},
		"V06_foo":     {order("foo"), []string{"metadata.annotations[" + OrderAnnotation + `]: "foo" is not known`}},
		"V06_empty":   {order(""), []string{"metadata.annotations[" + OrderAnnotation + `]: "" is not known`}},
		"V06_ORDERED": {order("ORDERED"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			tr := newTrigger()
			tc.change(tr)
			wantProblems(t, tr.Validate(), tc.want...)
		})
	}
}

func TestBroker_Validate(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Broker)
		want   []string
	}{
		"as_it_should_be": {func(*Broker) {}, nil},
		"no_class":        {func(b *Broker) { b.Meta.Annotations = nil }, []string{"metadata.annotations[" + ClassAnnotation + `]: ""`}},
		"other_class":     {func(b *Broker) { b.Meta.Annotations[ClassAnnotation] = "KafkaNamespaced" }, []string{"metadata.annotations[" + ClassAnnotation + "]: KafkaNamespaced"}},
		"external_topic":  {func(b *Broker) { b.Meta.Annotations[ExternalTopicAnnotation] = "a b" }, []string{"metadata.annotations[" + ExternalTopicAnnotation + "]: no name"}},
		"long_topic":      {func(b *Broker) { b.Meta.Name = strings.Repeat("a", 230) }, []string{"metadata.name: longer than the 249"}},
		"config":          {func(b *Broker) { b.Spec.Config = &Reference{APIVersion: "v1", Kind: "ConfigMap", Name: "c"} }, nil},
		"config_kind":     {func(b *Broker) { b.Spec.Config = &Reference{APIVersion: "v1", Kind: "Secret", Name: "c"} }, []string{"spec.config.kind: is Secret"}},
		"config_name":     {func(b *Broker) { b.Spec.Config = &Reference{APIVersion: "v1", Kind: "ConfigMap"} }, []string{"spec.config.name: missing"}},
		"delivery":        {func(b *Broker) { b.Spec.Delivery = &Delivery{RetryAfterMax: "PT1S"} }, []string{"spec.delivery.retryAfterMax: is refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBroker()
			tc.change(b)
			wantProblems(t, b.Validate(), tc.want...)
		})
	}
}
