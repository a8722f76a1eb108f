package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTheRealOne loads the project's own template in each way it is loaded.
func TestTheRealOne(t *testing.T) {
	for _, env := range []string{"", "local"} {
		got, err := Load("../../template.yaml", env)
		if err != nil {
			t.Fatalf("environment %q:\n%v", env, err)
		}
		if !slices.Contains(got.Names(), "keep-dead-letters") || !slices.IsSorted(got.Names()) {
			t.Errorf("environment %q: functions %v", env, got.Names())
		}
	}
}

func TestNoFile(t *testing.T) {
	if _, err := Load("testdata/there-is-none.yaml", ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

const inherits = `
version: 1
globals:
  env: {A: global, B: global}
  scale: {min: 1, max: 10, concurrency: 50}
  resources: {memory: 64Mi}
  timeout: 20s
  delivery: {retry: 40, backoffPolicy: linear, backoffDelay: 500ms, timeout: 30s, deadLetter: {function: keep-it}}
topics: {t: {partitions: 5, replication: 3}}
functions:
  do-it:
    env: {B: own, C: own}
    scale: {max: 4}
    timeout: 5m
    triggers:
      own: {kafka: {topics: [t], group: a, from: latest, ordering: unordered, delivery: {retry: 2, backoffDelay: PT1.5S}}}
  see-it:
    triggers:
      all: {kafka: {topics: [t], group: b, from: earliest}}
      tick: {cron: {schedule: "@daily", data: {n: [1, 1.5, x, true, null]}}}
  keep-it:
    scale: {min: 2, max: 0}
    resources: {memory: 128Mi}
    env:
      D: |
        two
        lines
environments:
  prod: {namespace: shop}
  local: {topics: {t: {partitions: 1}}, functions: {see-it: {triggers: {all: {kafka: {delivery: {retry: 0}}}}}}}
  dev: {}
`

func TestInherits(t *testing.T) {
	got, err := Parse("t", []byte(inherits), "local")
	if err != nil {
		t.Fatal(err)
	}
	linear := Delivery{40, "linear", Duration(500 * time.Millisecond), Duration(30 * time.Second), DeadLetter{"keep-it"}}
	own, local := linear, linear
	own.Retry, own.BackoffDelay = 2, Duration(1500*time.Millisecond)
	local.Retry = 0
	do, see, keep := got.Functions["do-it"], got.Functions["see-it"], got.Functions["keep-it"]

	wantJSON(t, "env", do.Env, `{"A":"global","B":"own","C":"own"}`)
	wantJSON(t, "env of another", keep.Env, `{"A":"global","B":"global","D":"two\nlines\n"}`)
	want(t, "scale", do.Scale, Scale{1, 4, 50})
	want(t, "scale of another", keep.Scale, Scale{2, 0, 50})
	want(t, "scale of one that says nothing", see.Scale, Scale{1, 10, 50})
	want(t, "80 % of the memory", do.Resources.GoMemory(), 53_687_091)
	want(t, "80 % of another's memory", keep.Resources.GoMemory(), 107_374_182)
	want(t, "80 % of no bound", Resources{}.GoMemory(), 0)
	want(t, "timeout", do.Timeout, Duration(5*time.Minute))
	want(t, "timeout of another", keep.Timeout, Duration(20*time.Second))
	want(t, "delivery", do.Triggers["own"].Kafka.Delivery, own)
	want(t, "delivery of another", see.Triggers["all"].Kafka.Delivery, local)
	want(t, "ordering", do.Triggers["own"].Kafka.Ordering, "unordered")
	want(t, "ordering by default", see.Triggers["all"].Kafka.Ordering, "ordered")
	want(t, "timezone by default", see.Triggers["tick"].Cron.Timezone, "UTC")
	want(t, "data", string(see.Triggers["tick"].Cron.Data), `{"n":[1,1.5,"x",true,null]}`)
	want(t, "topic", got.Topics["t"], Topic{1, 3, Duration(7 * day)})
	wantJSON(t, "environments", got.Environments, `["dev","local","prod"]`)
}

// TestEnvironments merges only what is asked for.
func TestEnvironments(t *testing.T) {
	for env, expected := range map[string]Template{
		"":      {Namespace: "", Topics: map[string]Topic{"t": {Partitions: 5}}},
		"local": {Namespace: "", Topics: map[string]Topic{"t": {Partitions: 1}}},
		"prod":  {Namespace: "shop", Topics: map[string]Topic{"t": {Partitions: 5}}},
		"dev":   {Namespace: "", Topics: map[string]Topic{"t": {Partitions: 5}}},
	} {
		got, err := Parse("t", []byte(inherits), env)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "namespace in "+env, got.Namespace, expected.Namespace)
		want(t, "partitions in "+env, got.Topics["t"].Partitions, expected.Topics["t"].Partitions)
	}
	if _, err := Parse("t", []byte("version: 1\n"), "local"); err != nil {
		t.Errorf("local need not be in the file: %v", err)
	}
	if _, err := Parse("t", []byte("version: 1\n"), "prod"); err == nil {
		t.Error("prod must be in the file")
	}
}

// TestDeliveryByDefault is a KafkaSource without any delivery, and with some.
func TestDeliveryByDefault(t *testing.T) {
	const text = "version: 1\ntopics: {t: {}}\nfunctions: {do-it: {triggers: {x: {kafka: {topics: [t], group: g, from: latest%}}}}}\n"
	for said, expected := range map[string]Delivery{
		"":                                    {10, "exponential", Duration(300 * time.Millisecond), Duration(600 * time.Second), DeadLetter{}},
		", delivery: {}":                      {0, "exponential", 0, Duration(600 * time.Second), DeadLetter{}},
		", delivery: {timeout: 5s}":           {0, "exponential", 0, Duration(5 * time.Second), DeadLetter{}},
		", delivery: {backoffPolicy: linear}": {0, "linear", 0, Duration(600 * time.Second), DeadLetter{}},
	} {
		got, err := Parse("t", []byte(strings.Replace(text, "%", said, 1)), "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "delivery"+said, got.Functions["do-it"].Triggers["x"].Kafka.Delivery, expected)
	}
}

// TestBroker reads all that a broker trigger can say, and what it has where it says nothing.
func TestBroker(t *testing.T) {
	const text = `
version: 1
%
topics: {t: {}}
functions:
  keep-it: {}
  do-it:
    triggers:
      all:
        broker:
          topic: t
          filter: {attributes: {type: a.b, subject: ""}}
          filters: [{exact: {type: a}, }, {not: {any: [{prefix: {source: /a}}, {cesql: "EXISTS region"}]}}, {all: []}]
          ordering: ordered
          delivery: {retry: 2, backoffDelay: 1s}
      none: {broker: {topic: t}}
`
	globals := "globals: {delivery: {retry: 40, backoffPolicy: linear, backoffDelay: 500ms, timeout: 30s, deadLetter: {function: keep-it}}}"
	ten := Duration(600 * time.Second)
	for said, expected := range map[string][2]Delivery{
		"": {{2, "exponential", Duration(time.Second), ten, DeadLetter{}}, {0, "exponential", 0, ten, DeadLetter{}}},
		globals: {{2, "linear", Duration(time.Second), Duration(30 * time.Second), DeadLetter{"keep-it"}},
			{40, "linear", Duration(500 * time.Millisecond), Duration(30 * time.Second), DeadLetter{"keep-it"}}},
	} {
		got, err := Parse("t", []byte(strings.Replace(text, "%", said, 1)), "")
		if err != nil {
			t.Fatal(err)
		}
		all, none := got.Functions["do-it"].Triggers["all"].Broker, got.Functions["do-it"].Triggers["none"].Broker
		want(t, "delivery with "+said, all.Delivery, expected[0])
		want(t, "delivery that says nothing with "+said, none.Delivery, expected[1])
		want(t, "ordering", all.Ordering, "ordered")
		want(t, "ordering by default", none.Ordering, "unordered")
		wantJSON(t, "attributes", all.Attributes, `{"subject":"","type":"a.b"}`)
		wantJSON(t, "filters", all.Filters, `[{"exact":{"type":"a"}},{"not":{"any":[{"prefix":{"source":"/a"}},{"cesql":"EXISTS region"}]}},{"all":[]}]`)
	}
}

// TestLarge has more of everything than may be nested.
func TestLarge(t *testing.T) {
	text := "version: 1\ntopics:\n"
	list := ""
	for i := range 2 * maxDepth {
		text += fmt.Sprintf("  t%d: {}\n", i)
		list += fmt.Sprintf("      - t%d\n", i)
	}
	got, err := Parse("t", []byte(text+"functions:\n  do-it:\n    publishes:\n"+list), "")
	if err != nil {
		t.Fatal(err)
	}
	want(t, "topics", len(got.Topics), 2*maxDepth)
	want(t, "publishes", len(got.Functions["do-it"].Publishes), 2*maxDepth)
}

func want[T comparable](t *testing.T, what string, got, expected T) {
	t.Helper()
	if got != expected {
		t.Errorf("%s: got %v, want %v", what, got, expected)
	}
}

func wantJSON(t *testing.T, what string, got any, expected string) {
	t.Helper()
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	want(t, what, string(b), expected)
}
