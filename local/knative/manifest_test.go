package knative

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"somssi/local/filter"
)

// everything has each field of each kind.
func everything() []Resource {
	secret := func(key string) *Secret { return &Secret{SecretKeyRef{"kafka", key}} }
	delivery := &Delivery{&Destination{URI: "http://dead.example.com/letters?from=orders"}, new(int32(0)), "linear", "PT0.5S", "PT1M30S", ""}
	s := newSource()
	s.Meta.Labels = map[string]string{KeyTypeLabel: "int", "app": "shop"}
	s.Meta.Annotations = map[string]string{"why": "yes", "b": "2", "a": "1"}
	s.Spec.Net = &Net{&SASL{true, secret("user"), secret("password"), secret("type")}, &TLS{true, secret("cert"), secret("key"), secret("ca")}}
	s.Spec.Consumers, s.Spec.InitialOffset, s.Spec.Ordering, s.Spec.Delivery = new(int32(0)), "earliest", "unordered", delivery
	s.Spec.CEOverrides = &CEOverrides{Extensions: map[string]string{"y": "on", "1e3": "a: b"}}
	s.Spec.Sink = Destination{&Reference{"serving.knative.dev/v1", "Service", "bank", "charge-card"}, "/v1", "-----BEGIN\n-----END\n", "charge-card"}
	tr := newTrigger()
	tr.Meta.Annotations = map[string]string{OrderAnnotation: "ordered"}
	tr.Spec.Filter, tr.Spec.Delivery = &TriggerFilter{map[string]string{"type": "order.created", "n": ""}}, delivery
	pair := map[string]string{"type": "order."}
	tr.Spec.Filters = []filter.Spec{
		{Exact: pair}, {Prefix: pair}, {Suffix: pair}, {CESQL: "type = 'a' OR n = 1"},
		{All: []filter.Spec{{Any: []filter.Spec{{Not: &filter.Spec{Exact: pair}}}}}},
	}
	b := newBroker()
	b.Meta.Annotations[ExternalTopicAnnotation] = "orders"
	b.Spec = BrokerSpec{&Reference{"v1", "ConfigMap", "", "kafka"}, delivery}
	return []Resource{s, tr, b, &ConfigMap{Meta{Name: "kafka", Namespace: "shop"}, map[string]string{"default.topic.partitions": "10"}}}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, everything()...); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/everything.yaml")
	if err != nil || out.String() != string(want) {
		t.Errorf("error %v; wrote\n%s\nwant\n%s", err, out.String(), want)
	}
	for _, r := range everything() {
		if err := r.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestRead(t *testing.T) {
	text, err := os.ReadFile("testdata/everything.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(append([]byte("# nothing yet\n---\n"), text...))
	if err != nil || !reflect.DeepEqual(got, everything()) {
		t.Errorf("error %v; read %+v", err, got)
	}
}

func TestMarshalJSON(t *testing.T) {
	for _, r := range everything() {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		// JSON is YAML.
		back, err := Read(text)
		if err != nil || len(back) != 1 || !reflect.DeepEqual(back[0], r) {
			t.Errorf("error %v; %s", err, text)
		}
	}
}

func TestRead_refuses(t *testing.T) {
	const head = "apiVersion: sources.knative.dev/v1\nkind: KafkaSource\nmetadata: {name: orders, namespace: shop}\n"
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"unknown_field":        {head + "spec: {delivery: {retries: 3}}", []string{"spec.delivery.retries: is no field"}},
		"case_of_a_field":      {head + "spec: {Topics: [a]}", []string{"spec.Topics: is no field"}},
		"unknown_in_a_list":    {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a.b: 1}", []string{"data[a.b]: is a number"}},
		"a_number_for_a_text":  {head + "spec: {topics: [a, 1]}", []string{"spec.topics[1]: is a number"}},
		"a_text_for_a_list":    {head + "spec: {topics: a}", []string{"spec.topics: is a text"}},
		"a_list_for_a_mapping": {head + "spec: {sink: [a]}", []string{"spec.sink: is a list"}},
		"a_mapping_for_a_text": {head + "spec: {consumerGroup: {}}", []string{"spec.consumerGroup: is a mapping"}},
		"a_text_for_a_boolean": {head + "spec: {net: {tls: {enable: 'yes'}}}", []string{"spec.net.tls.enable: is a text"}},
		"half_a_retry":         {head + "spec: {delivery: {retry: 1.5}}", []string{"spec.delivery.retry: is a number"}},
		"too_many_retries":     {head + "spec: {delivery: {retry: 2147483648}}", []string{"spec.delivery.retry: is a number"}},
		"empty_timeout":        {head + "spec: {delivery: {timeout: ''}}", []string{"spec.delivery.timeout: is empty"}},
		"a_filter_misspelt": {strings.NewReplacer("sources", "eventing", "KafkaSource", "Trigger").Replace(head) + "spec: {filters: [{any: [{exakt: {}}]}]}",
			[]string{"spec.filters[0].any[0].exakt: is no field"}},
		"status":              {head + "status: {}", []string{"status: is no field"}},
		"filters_on_a_source": {head + "spec: {filters: []}", []string{"spec.filters: is no field"}},
		"version":             {strings.Replace(head, "v1", "v1beta1", 1), []string{`kind: "KafkaSource" of apiVersion "sources.knative.dev/v1beta1"`}},
		"kind":                {"apiVersion: v1\nkind: Secret", []string{`kind: "Secret" of apiVersion "v1"`}},
		"no_mapping":          {"- a", []string{"(all): no manifest"}},
		"after_a_marker":      {"--- {kind: X}\n--- # what\nkind: Y\n---\t\r\nkind: Z", []string{`kind: "X"`, `kind: "Y"`, `kind: "Z"`}},
		"each_document":       {head + "spec: {a: 1}\n---\n" + head + "---\n---\n" + head + "spec: {b: 1}", []string{"spec.a: is no field", "spec.b: is no field"}},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := Read([]byte(tc.text))
			if all != nil {
				t.Errorf("read %v", all)
			}
			wantProblems(t, err, tc.want...)
		})
	}
	for name, tc := range map[string]struct{ text, want string }{
		"twice":    {"a: 1\na: 2", `mapping key "a" already defined`},
		"no_yaml":  {"a: [", "read manifests: document 1: "},
		"place":    {"---\na: 1\n---\nb: 1\nb: 2", "document 3: [5:1]"},
		"no_end":   {head + "...\n" + head, "document 1: there is more"},
		"an_alias": {"a: *b", "read manifests: "},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Read([]byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %s", err, tc.want)
			}
		})
	}
	t.Run("the_document_is_named", func(t *testing.T) {
		_, err := Read([]byte(head + "---\n" + head + "spec: {b: 1}"))
		if want := "document 2: KafkaSource orders: spec.b: is no field that there is (look for a spelling mistake, or remove it)"; err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	})
}

// Any text comes back as it was, and stands in quotes unless it can be nothing
// but a text in YAML 1.1 too.
func FuzzWrite(f *testing.F) {
	for _, text := range []string{"", "yes", "1e3", "<<", "=", "---", ".inf", "12:30", "0o7", "~", "a: b", "`x`", "'x'", `"x"`, "a\nb\n", "\n", "é\u0085\u2028", "\a", `\`, " a ", "#", "{a", "a:1", "kafka:9092", "-", "?"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ToValidUTF8(text, "") != text {
			return // no JSON can have it
		}
		m := &ConfigMap{Meta{Name: "a", Namespace: "b"}, map[string]string{text: text}}
		var out strings.Builder
		if err := Write(&out, m); err != nil {
			t.Fatal(err)
		}
		var back struct{ Data map[string]string }
		if err := yaml.Unmarshal([]byte(out.String()), &back); err != nil || back.Data[text] != text {
			t.Errorf("%q came back as %q, error %v:\n%s", text, back.Data, err, out.String())
		}
	})
}
