package knative

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"somssi/local/filter"
	"somssi/local/source"
)

// Config is the source as the dispatcher runs it: defaults filled in, durations
// cut, unknown words as Knative takes them. It does not validate, and does not
// know of Paused. Resolve gives the address of a destination, whose namespace
// is filled in; ClusterURL is one.
func (s *KafkaSource) Config(resolve func(Destination) (string, error)) (source.Config, error) {
	c := source.Config{
		Name: s.Meta.Name, Namespace: s.Meta.Namespace,
		Topics: s.Spec.Topics, Group: s.Spec.ConsumerGroup,
		Latest: s.Spec.InitialOffset != "earliest", Ordered: s.Spec.Ordering != "unordered",
		KeyType: keyType(s.Meta.Labels[KeyTypeLabel]), Delivery: sourceDelivery,
	}
	for server := range strings.SplitSeq(strings.Join(s.Spec.BootstrapServers, ","), ",") {
		c.Brokers = append(c.Brokers, strings.TrimSpace(server))
	}
	if s.Spec.CEOverrides != nil {
		c.Overrides = s.Spec.CEOverrides.Extensions
	}
	if c.Group == "" {
		return c, errors.New("spec.consumerGroup: missing: Default chooses one")
	}
	var dead *Destination
	if s.Spec.Delivery != nil {
		var err error
		if c.Delivery, dead, err = s.Spec.Delivery.effective(); err != nil {
			return c, err
		}
	}
	err := resolveSinks(&c, s.Spec.Sink, dead, "spec.sink", resolve)
	return c, err
}

// keyType is a key type as the controller maps it.
func keyType(label string) string {
	switch label {
	case "int", "float", "byte-array":
		return label
	}
	return "string"
}

// Config is the trigger, of that broker, as the dispatcher runs it. It does not
// validate. Brokers is left empty: a Broker has them in the ConfigMap that its
// spec.config refers to. For resolve see that of a KafkaSource.
func (t *Trigger) Config(b *Broker, resolve func(Destination) (string, error)) (source.Config, error) {
	c := source.Config{
		Name: t.Meta.Name, Namespace: t.Meta.Namespace, KeyType: "string",
		Topics: []string{b.Topic()}, Group: "knative-trigger-" + t.Meta.Namespace + "-" + t.Meta.Name, Latest: true, Trigger: true,
	}
	if t.Spec.Broker != b.Meta.Name || t.Meta.Namespace != b.Meta.Namespace {
		return c, fmt.Errorf("spec.broker: the trigger is of broker %s/%s, not of %s/%s", t.Meta.Namespace, t.Spec.Broker, b.Meta.Namespace, b.Meta.Name)
	}
	var ok bool
	if c.Ordered, ok = t.ordered(); !ok {
		return c, fmt.Errorf("metadata.annotations[%s]: %q is neither ordered nor unordered", OrderAnnotation, t.Meta.Annotations[OrderAnnotation])
	}
	if attributes := t.Spec.attributes(); len(t.Spec.Filters) > 0 || len(attributes) > 0 {
		f, err := filter.Compile(t.Spec.Filters, attributes)
		if err != nil {
			return c, fmt.Errorf("spec: %w", err)
		}
		c.Filter = f.Match
	}
	// The one or the other, whole: fields are never merged.
	delivery, dead, err := cmp.Or(t.Spec.Delivery, b.Spec.Delivery).effective()
	if err != nil {
		return c, err
	}
	c.Delivery = delivery
	err = resolveSinks(&c, t.Spec.Subscriber, dead, "spec.subscriber", resolve)
	return c, err
}

func resolveSinks(c *source.Config, sink Destination, dead *Destination, field string, resolve func(Destination) (string, error)) error {
	var err error
	if c.Sink, err = resolve(sink.in(c.Namespace)); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if dead == nil {
		return nil
	}
	if c.DeadLetterSink, err = resolve(dead.in(c.Namespace)); err != nil {
		return fmt.Errorf("spec.delivery.deadLetterSink: %w", err)
	}
	return nil
}
