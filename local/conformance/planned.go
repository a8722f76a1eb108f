package conformance

import (
	"encoding/json"
	"fmt"

	"somssi/local/knative"
)

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
