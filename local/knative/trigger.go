package knative

import (
	"errors"
	"fmt"
	"strings"

	"somssi/local/filter"
)

// Trigger delivers the events of a broker that pass its filters to a
// subscriber: kind Trigger of eventing.knative.dev/v1.
type Trigger struct {
	Meta Meta
	Spec TriggerSpec
}

// TriggerSpec is the spec of a Trigger.
type TriggerSpec struct {
	// Broker can not be changed after creation.
	Broker string `json:"broker"`
	// Filter counts only where there are no Filters. With neither every event
	// passes.
	Filter *TriggerFilter `json:"filter,omitempty"`
	// Filters must all pass.
	Filters    []filter.Spec `json:"filters,omitempty"`
	Subscriber Destination   `json:"subscriber"`
	// Delivery that is nil is that of the broker.
	Delivery *Delivery `json:"delivery,omitempty"`
}

// TriggerFilter passes events whose attributes have just these values; an
// empty value is any.
type TriggerFilter struct {
	Attributes map[string]string `json:"attributes,omitempty"`
}

// OrderAnnotation says of a Trigger whether it is ordered or unordered, in
// letters of any case. Without it a Trigger is unordered.
const OrderAnnotation = "kafka.eventing.knative.dev/delivery.order"

// ordered is what the annotation says; it is not ok if that is neither.
func (t *Trigger) ordered() (ordered, ok bool) {
	order, said := t.Meta.Annotations[OrderAnnotation]
	switch {
	case !said:
		return false, true
	case strings.EqualFold(order, "ordered"):
		return true, true
	}
	return false, strings.EqualFold(order, "unordered")
}

// Validate tells all that admission or the controller would refuse, and what
// both let pass although it then breaks. The error is Problems.
func (t *Trigger) Validate() error {
	c := check("Trigger", t.Meta)
	if _, ok := t.ordered(); !ok {
		c.add("metadata.annotations["+OrderAnnotation+"]", fmt.Sprintf("%q is not known; admission takes it, and the trigger is then never ready", t.Meta.Annotations[OrderAnnotation]),
			"use ordered or unordered, or remove it for unordered")
	}
	if t.Spec.Broker == "" {
		c.add("spec.broker", "missing", "name a broker of the same namespace")
	}
	// Filter is checked also where it does not count.
	for _, compile := range []func() (*filter.Filter, error){
		func() (*filter.Filter, error) { return filter.Compile(nil, t.Spec.attributes()) },
		func() (*filter.Filter, error) { return filter.Compile(t.Spec.Filters, nil) },
	} {
		_, err := compile()
		c.filters(err)
	}
	c.delivery("spec.delivery", t.Spec.Delivery)
	c.destination("spec.subscriber", t.Spec.Subscriber)
	return c.err()
}

func (s TriggerSpec) attributes() map[string]string {
	if s.Filter == nil {
		return nil
	}
	return s.Filter.Attributes
}

// filters tells what is wrong in filters.
func (c *checker) filters(err error) {
	var found filter.Errors
	if err != nil && !errors.As(err, &found) {
		c.add("spec.filters", err.Error(), "see the CloudEvents Subscriptions API")
	}
	for _, e := range found {
		c.add("spec."+filter.Field(e.Path), e.What, e.Fix)
	}
}

// ValidateUpdate is Validate for what replaces an older state of the trigger,
// whose broker must stay.
func (t *Trigger) ValidateUpdate(old *Trigger) error {
	c := check("Trigger", t.Meta)
	c.found = problems(t.Validate())
	if t.Spec.Broker != old.Spec.Broker {
		c.add("spec.broker", fmt.Sprintf("can not be changed, and was %q", old.Spec.Broker), "put it back, or make a trigger of another name")
	}
	return c.err()
}
