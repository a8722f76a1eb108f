package conformance

import (
	"encoding/json"
	"fmt"

	"somssi/local/filter"
	"somssi/local/knative"
)

// Plan is all that a dispatcher elsewhere must be told before the cases are run
// with it. It is the same each time for the same Options.
type Plan struct {
	Cases []Planned `json:"cases"`
}

// Planned is one thing that dispatches: a KafkaSource, or a Trigger of a Broker. A
// case with several Triggers has several of the same ID; it is set up when all
// of them are. Values are effective, with every default filled in.
type Planned struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	Given   string `json:"given"`
	When    string `json:"when"`
	Then    string `json:"then"`
	Profile string `json:"profile"` // KafkaSource or Trigger

	Namespace        string   `json:"namespace"`
	Name             string   `json:"name"`
	BootstrapServers []string `json:"bootstrapServers"`
	Topics           []Topic  `json:"topics"`
	Group            string   `json:"group"`
	KeyType          string   `json:"keyType"`  // string, int, float or byte-array
	Ordering         string   `json:"ordering"` // ordered or unordered
	// InitialOffset is for partitions without a commit: earliest, or latest,
	// which is committed before the dispatcher is ready. Reset is where it goes
	// on when the commit is outside of the log: earliest or latest.
	InitialOffset string            `json:"initialOffset"`
	Reset         string            `json:"reset"`
	Isolation     string            `json:"isolation"` // read_committed or read_uncommitted
	Overrides     map[string]string `json:"overrides"`
	// Filters are a Trigger's, and decide alone if there are any. Else
	// FilterAttributes do.
	Filters          []filter.Spec     `json:"filters"`
	FilterAttributes map[string]string `json:"filterAttributes"`

	Sink           string `json:"sink"`
	DeadLetterSink string `json:"deadLetterSink"` // empty for none
	Retry          int    `json:"retry"`
	BackoffPolicy  string `json:"backoffPolicy"` // linear or exponential
	BackoffDelay   string `json:"backoffDelay"`  // ISO 8601, as the next but one
	BackoffMillis  int64  `json:"backoffMillis"`
	Timeout        string `json:"timeout"`
	TimeoutMillis  int64  `json:"timeoutMillis"`

	// Setup is to be done in this order, once the topics are there and before
	// the dispatcher is. Only the first of a case has any.
	Setup []Step `json:"setup"`
	// Manifests are the resources that mean all this in a cluster.
	Manifests []json.RawMessage `json:"manifests"`
}

// Topic is one to be made, if it is not there.
type Topic struct {
	Name       string `json:"name"`
	Partitions int32  `json:"partitions"`
}

// Step is one thing to do before the dispatcher is there; one of its fields is
// set.
type Step struct {
	Write  *Record   `json:"write,omitempty"`
	Commit *Position `json:"commit,omitempty"` // by the group
	// DeleteBefore deletes the records before an offset.
	DeleteBefore *Position `json:"deleteBefore,omitempty"`
}

// Record is one to be written. What is null has no value, which is not the same
// as an empty one.
type Record struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Key       *string  `json:"key"`
	Headers   []Header `json:"headers"`
	Value     *string  `json:"value"`
}

// Header is one of a record.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Position is an offset in a partition, as a group may have it.
type Position struct {
	Group     string `json:"group,omitempty"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

// NewPlan plans the cases that can be run with a dispatcher elsewhere. Kafka and
// Listen must be given.
func NewPlan(o Options) (Plan, error) {
	o.External = true
	o = o.withDefaults()
	cases, err := Selected(o.Select)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{Cases: []Planned{}}
	for _, c := range cases {
		if (stranger{}).skip(c) != "" {
			continue
		}
		s := o.prepare(c)
		for i, w := range s.ways {
			p, err := s.planned(c, w)
			if err != nil {
				return Plan{}, fmt.Errorf("plan %s: %w", c.ID, err)
			}
			if i == 0 {
				p.Setup = s.steps()
			}
			plan.Cases = append(plan.Cases, p)
		}
	}
	return plan, nil
}

func (s *setup) planned(c Case, w *way) (Planned, error) {
	config, err := w.config(s.kafka)
	if err != nil {
		return Planned{}, err
	}
	p := Planned{
		ID: c.ID, Section: c.Section, Given: c.Given, When: c.When, Then: c.Then, Profile: c.Profile,
		Namespace: config.Namespace, Name: config.Name, BootstrapServers: config.Brokers, Group: config.Group, KeyType: config.KeyType,
		Ordering: choose(config.Ordered, "ordered", "unordered"), InitialOffset: choose(config.Latest, "latest", "earliest"),
		Reset: choose(config.Trigger, "latest", "earliest"), Isolation: choose(config.Trigger, "read_uncommitted", "read_committed"),
		Overrides: config.Overrides, Sink: config.Sink, DeadLetterSink: config.DeadLetterSink,
		Retry: config.Delivery.Retry, BackoffPolicy: choose(config.Delivery.Exponential, "exponential", "linear"),
		BackoffDelay: knative.ISO(config.Delivery.Delay), BackoffMillis: config.Delivery.Delay.Milliseconds(),
		Timeout: knative.ISO(config.Delivery.Timeout), TimeoutMillis: config.Delivery.Timeout.Milliseconds(),
		Setup: []Step{},
	}
	for _, m := range w.manifests() {
		text, err := json.Marshal(m)
		if err != nil {
			return Planned{}, err
		}
		p.Manifests = append(p.Manifests, text)
	}
	if w.trigger != nil {
		p.Filters = w.trigger.Spec.Filters
		if w.trigger.Spec.Filter != nil {
			p.FilterAttributes = w.trigger.Spec.Filter.Attributes
		}
	}
	for _, t := range s.topics {
		for _, name := range config.Topics {
			if t.name == name {
				p.Topics = append(p.Topics, Topic{t.name, t.partitions})
			}
		}
	}
	return p, nil
}

func choose(yes bool, this, that string) string {
	if yes {
		return this
	}
	return that
}

// manifests are the resources of the way, in the order to apply them.
func (w *way) manifests() []knative.Resource {
	if w.source != nil {
		return []knative.Resource{w.source}
	}
	return []knative.Resource{w.broker, w.trigger}
}

func (s *setup) steps() []Step {
	all := []Step{}
	first := s.topics[0].name
	for _, one := range s.before {
		switch {
		case one.write != nil:
			r := Record{Topic: s.topicOf(one.write), Partition: one.write.Partition, Key: nullable(one.write.Key), Value: nullable(one.write.Value)}
			for _, h := range one.write.Headers {
				r.Headers = append(r.Headers, Header{h.Key, string(h.Value)})
			}
			all = append(all, Step{Write: &r})
		case one.commit != nil:
			config, _ := s.ways[one.commit.way].config(s.kafka) // which was planned already
			all = append(all, Step{Commit: &Position{config.Group, first, 0, one.commit.offset}})
		default:
			all = append(all, Step{DeleteBefore: &Position{"", first, 0, *one.trim}})
		}
	}
	return all
}

func nullable(bytes []byte) *string {
	if bytes == nil {
		return nil
	}
	return new(string(bytes))
}
