// Package manifest makes of template.yaml the Knative resources that bring
// Kafka's records to its functions. The harness runs what they come to, and a
// cluster is given the same ones as YAML, so that neither can differ from the
// other.
package manifest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"somssi/local/knative"
	"somssi/local/source"
	"somssi/local/template"
)

// KafkaSource is the kafka trigger of a function as a KafkaSource, with nothing
// left to a default. Servers are where Kafka is, each a host:port.
func KafkaSource(t *template.Template, function, trigger string, servers []string) *knative.KafkaSource {
	k := t.Functions[function].Triggers[trigger].Kafka
	s := &knative.KafkaSource{
		Meta: meta(t, function, trigger),
		Spec: knative.KafkaSourceSpec{
			BootstrapServers: servers, Topics: k.Topics, ConsumerGroup: k.Group,
			InitialOffset: k.From, Ordering: k.Ordering,
			Delivery: delivery(t, k.Delivery), Sink: Sink(t, function),
		},
	}
	s.Default()
	return s
}

// Config is a trigger that takes its events from Kafka as the twin runs it: its
// resources, found to be right, with the addresses that the functions have in
// the cluster. The error is knative.Problems where they are not right.
func Config(t *template.Template, function, trigger string, servers []string) (source.Config, error) {
	if t.Functions[function].Triggers[trigger].Broker == nil {
		s := KafkaSource(t, function, trigger, servers)
		if err := valid(s); err != nil {
			return source.Config{}, err
		}
		return s.Config(knative.ClusterURL)
	}
	of, b := Trigger(t, function, trigger), Broker(t, t.Functions[function].Triggers[trigger].Broker.Topic)
	if err := valid(of, b); err != nil {
		return source.Config{}, err
	}
	c, err := of.Config(b, knative.ClusterURL)
	c.Brokers = servers
	return c, err
}

// All is every resource that brings Kafka's records to functions, each right by
// itself, in the order in which a cluster wants them: the ConfigMap and the
// Brokers of all Triggers before these.
func All(t *template.Template, servers []string) ([]knative.Resource, error) {
	var first, rest []knative.Resource
	brokers := map[string]string{} // topic by name
	for _, function := range t.Names() {
		triggers := t.Functions[function].Triggers
		for _, name := range slices.Sorted(maps.Keys(triggers)) {
			switch spec := triggers[name]; {
			case spec.Kafka != nil:
				rest = append(rest, KafkaSource(t, function, name, servers))
			case spec.Broker != nil:
				b := Broker(t, spec.Broker.Topic)
				if other, made := brokers[b.Meta.Name]; made && other != spec.Broker.Topic {
					return nil, fmt.Errorf("topics %s and %s would both have the Broker %s: rename one", other, spec.Broker.Topic, b.Meta.Name)
				} else if !made {
					brokers[b.Meta.Name] = spec.Broker.Topic
					first = append(first, b)
				}
				rest = append(rest, Trigger(t, function, name))
			}
		}
	}
	if len(first) > 0 {
		first = slices.Insert(first, 0, knative.Resource(BrokerConfig(t, servers)))
	}
	all := slices.Concat(first, rest)
	return all, valid(all...)
}

// valid tells all that is wrong in resources.
func valid(resources ...knative.Resource) error {
	var found knative.Problems
	for _, r := range resources {
		var of knative.Problems
		if errors.As(r.Validate(), &of) {
			found = append(found, of...)
		}
	}
	if len(found) > 0 {
		return found
	}
	return nil
}

func meta(t *template.Template, function, trigger string) knative.Meta {
	return knative.Meta{Name: function + "-" + trigger, Namespace: t.Namespace}
}

// delivery is always whole: with any field of it said, the defaults of the
// others are gone.
func delivery(t *template.Template, d template.Delivery) *knative.Delivery {
	out := &knative.Delivery{
		Retry: new(int32(d.Retry)), BackoffPolicy: d.BackoffPolicy,
		BackoffDelay: knative.ISO(time.Duration(d.BackoffDelay)), Timeout: knative.ISO(time.Duration(d.Timeout)),
	}
	if name := d.DeadLetter.Function; name != "" {
		dead := Sink(t, name)
		out.DeadLetterSink = &dead
	}
	return out
}
