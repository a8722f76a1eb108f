package knative

import (
	"regexp"
	"strings"
)

// BrokerOf is a Broker that stands for a topic which is there anyway, in a
// namespace, with the ConfigMap config of that namespace. It is called as the
// topic, in the letters that Kubernetes takes: new-talent-events for
// new_talent_events. Two topics can come to one name.
func BrokerOf(topic, namespace, config string) *Broker {
	return &Broker{
		Meta: Meta{Name: brokerName(topic), Namespace: namespace, Annotations: map[string]string{
			ClassAnnotation: ClassKafka, ExternalTopicAnnotation: topic,
		}},
		Spec: BrokerSpec{Config: &Reference{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: config}},
	}
}

// BrokerConfig is the ConfigMap by which Brokers find Kafka. They want figures
// for a topic of their own too, also where they stand for another.
func BrokerConfig(namespace, name string, servers []string) *ConfigMap {
	return &ConfigMap{
		Meta: Meta{Name: name, Namespace: namespace},
		Data: map[string]string{
			"bootstrap.servers":                strings.Join(servers, ","),
			"default.topic.partitions":         "10",
			"default.topic.replication.factor": "3",
		},
	}
}

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
