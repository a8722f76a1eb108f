package knative

import "fmt"

// Broker is a topic that Triggers read: kind Broker of eventing.knative.dev/v1,
// of class Kafka.
type Broker struct {
	Meta Meta
	Spec BrokerSpec
}

// BrokerSpec is the spec of a Broker.
type BrokerSpec struct {
	// Config refers to a ConfigMap that says how Kafka is reached; nil is the
	// one that the cluster has for all brokers.
	Config *Reference `json:"config,omitempty"`
	// Delivery is that of all triggers that have none of their own.
	Delivery *Delivery `json:"delivery,omitempty"`
}

const (
	// ClassAnnotation says of a Broker who looks after it.
	ClassAnnotation = "eventing.knative.dev/broker.class"
	// ClassKafka is the class that the twin follows.
	ClassKafka = "Kafka"
	// ExternalTopicAnnotation names a topic that exists and is not the
	// broker's own.
	ExternalTopicAnnotation = "kafka.eventing.knative.dev/external.topic"
)

// Topic is the topic that the broker stands for.
func (b *Broker) Topic() string {
	if topic, ok := b.Meta.Annotations[ExternalTopicAnnotation]; ok {
		return topic
	}
	return "knative-broker-" + b.Meta.Namespace + "-" + b.Meta.Name
}

// Validate tells all that admission or the controller would refuse, and what
// both let pass although it then breaks. The error is Problems.
func (b *Broker) Validate() error {
	c := check("Broker", b.Meta)
	if class := b.Meta.Annotations[ClassAnnotation]; class != ClassKafka {
		c.add("metadata.annotations["+ClassAnnotation+"]", fmt.Sprintf("%q has rules of its own, which are not those of a broker of class Kafka", class), "use Kafka")
	}
	if _, external := b.Meta.Annotations[ExternalTopicAnnotation]; external {
		c.topic("metadata.annotations["+ExternalTopicAnnotation+"]", b.Topic())
	} else if b.Meta.Name != "" && len(b.Topic()) > 249 {
		c.add("metadata.name", "makes a name of a topic that is longer than the 249 characters which Kafka takes", "use a shorter name")
	}
	if b.Spec.Config != nil {
		c.reference("spec.config", *b.Spec.Config)
		if kind := b.Spec.Config.Kind; kind != "" && kind != "ConfigMap" {
			c.add("spec.config.kind", fmt.Sprintf("is %s; admission takes it, and the broker is then never ready", kind), "refer to a ConfigMap")
		}
	}
	c.delivery("spec.delivery", b.Spec.Delivery)
	return c.err()
}
