package manifest

import (
	"regexp"
	"strings"

	"somssi/local/knative"
	"somssi/local/template"
)

// Trigger is the broker trigger of a function as a Trigger, with nothing left
// to a default or to the Broker.
func Trigger(t *template.Template, function, trigger string) *knative.Trigger {
	b := t.Functions[function].Triggers[trigger].Broker
	out := &knative.Trigger{Meta: meta(t, function, trigger), Spec: knative.TriggerSpec{
		Broker: brokerName(b.Topic), Filters: b.Filters,
		Subscriber: knative.Service(function), Delivery: delivery(b.Delivery),
	}}
	out.Meta.Annotations = map[string]string{knative.OrderAnnotation: b.Ordering}
	if len(b.Filter.Attributes) > 0 {
		out.Spec.Filter = &knative.TriggerFilter{Attributes: b.Filter.Attributes}
	}
	return out
}

// Broker stands for a topic that is there anyway, for all Triggers of it.
func Broker(t *template.Template, topic string) *knative.Broker {
	return &knative.Broker{
		Meta: knative.Meta{Name: brokerName(topic), Namespace: t.Namespace, Annotations: map[string]string{
			knative.ClassAnnotation: knative.ClassKafka, knative.ExternalTopicAnnotation: topic,
		}},
		Spec: knative.BrokerSpec{Config: &knative.Reference{
			APIVersion: "v1", Kind: "ConfigMap", Namespace: t.Namespace, Name: configName(t),
		}},
	}
}

// BrokerConfig says how the Brokers reach Kafka. They want figures for a topic
// too, which is never made: each has one that is there.
func BrokerConfig(t *template.Template, servers []string) *knative.ConfigMap {
	return &knative.ConfigMap{
		Meta: knative.Meta{Name: configName(t), Namespace: t.Namespace},
		Data: map[string]string{
			"bootstrap.servers":                strings.Join(servers, ","),
			"default.topic.partitions":         "10",
			"default.topic.replication.factor": "3",
		},
	}
}

func configName(t *template.Template) string { return strings.TrimPrefix(t.App+"-kafka", "-") }

var notInNames = regexp.MustCompile(`[^a-z0-9.]+`)

// brokerName is a topic's name as Kubernetes takes it: new_talent_events is
// new-talent-events.
func brokerName(topic string) string {
	var parts []string
	for part := range strings.SplitSeq(notInNames.ReplaceAllString(strings.ToLower(topic), "-"), ".") {
		if part = strings.Trim(part, "-"); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}
