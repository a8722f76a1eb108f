package manifest

import (
	"strings"

	"somssi/local/knative"
	"somssi/local/template"
)

// Trigger is the broker trigger of a function as a Trigger, with nothing left
// to a default or to the Broker.
func Trigger(t *template.Template, function, trigger string) *knative.Trigger {
	b := t.Functions[function].Triggers[trigger].Broker
	out := &knative.Trigger{Meta: meta(t, function, trigger), Spec: knative.TriggerSpec{
		Broker: Broker(t, b.Topic).Meta.Name, Filters: b.Filters,
		Subscriber: Sink(t, function), Delivery: delivery(t, b.Delivery),
	}}
	out.Meta.Annotations = map[string]string{knative.OrderAnnotation: b.Ordering}
	if len(b.Attributes) > 0 {
		out.Spec.Filter = &knative.TriggerFilter{Attributes: b.Attributes}
	}
	return out
}

// Broker stands for a topic that is there anyway, for all Triggers of it.
func Broker(t *template.Template, topic string) *knative.Broker {
	return knative.BrokerOf(topic, t.Namespace, configName(t))
}

// BrokerConfig is where all Brokers find Kafka.
func BrokerConfig(t *template.Template, servers []string) *knative.ConfigMap {
	return knative.BrokerConfig(t.Namespace, configName(t), servers)
}

func configName(t *template.Template) string { return strings.TrimPrefix(t.App+"-kafka", "-") }
