// Package plan reads back what a template comes to: for each trigger when an event is tried, how long
// it can hold up others, how many are in flight at once, and where it ends.
package plan

import (
	"maps"
	"slices"
	"time"

	"somssi/local/filter"
	"somssi/local/template"
)

// unordered is how many requests an unordered source has in flight at most: it asks Kafka for up to 50
// more records while fewer than 50 are.
const unordered = 99

// Trigger is what sets off one function, with all that follows from it. What a kind has not is empty.
type Trigger struct {
	Function string `json:"function"`
	Name     string `json:"name"`
	Kind     string `json:"kind"` // http, kafka, broker or cron

	HTTP *template.HTTP `json:"http,omitempty"`
	Cron *template.Cron `json:"cron,omitempty"`

	Topics     []Topic           `json:"topics,omitempty"`
	Group      string            `json:"group,omitempty"`
	From       string            `json:"from,omitempty"` // where a new group begins
	Ordering   string            `json:"ordering,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Filters    []filter.Spec     `json:"filters,omitempty"`
	InFlight   *InFlight         `json:"inFlight,omitempty"`
	Delivery   *Delivery         `json:"delivery,omitempty"`
}

// Topic is a topic that a trigger reads.
type Topic struct {
	Name       string `json:"name"`
	Partitions int    `json:"partitions"`
}

// InFlight is how many events are with the function at once.
type InFlight struct {
	Most   int `json:"most"`
	Source int `json:"source"` // the bound of the source: partitions where it is ordered
	Scale  int `json:"scale"`  // the bound of the function: replicas times concurrency; 0 is none
}

// Delivery is a policy and what it comes to.
type Delivery struct {
	template.Delivery
	Tries   int   `json:"tries"`
	TriesMs []int `json:"triesMs"` // when the first hundred are, if each fails at once
	WaitsMs int   `json:"waitsMs"` // all pauses together
	// HeldMs is how long one event is in flight if each try takes its timeout, and HeldWithDeadLetterMs if
	// each try at the dead letter function does too.
	HeldMs               int `json:"heldMs"`
	HeldWithDeadLetterMs int `json:"heldWithDeadLetterMs"`
}

// Of returns the triggers of a template, by function and name.
func Of(t *template.Template) []Trigger {
	all := []Trigger{}
	for _, name := range t.Names() {
		f := t.Functions[name]
		for _, trigger := range slices.Sorted(maps.Keys(f.Triggers)) {
			all = append(all, of(t, name, trigger, f.Triggers[trigger]))
		}
	}
	return all
}

func of(t *template.Template, function, name string, says template.Trigger) Trigger {
	out := Trigger{Function: function, Name: name}
	switch {
	case says.HTTP != nil:
		out.Kind, out.HTTP = "http", says.HTTP
		return out
	case says.Cron != nil:
		out.Kind, out.Cron = "cron", says.Cron
		return out
	case says.Kafka != nil:
		k := says.Kafka
		out.Kind, out.Group, out.From, out.Ordering = "kafka", k.Group, k.From, k.Ordering
		out.topics(t, k.Topics...)
		out.Delivery = delivery(k.Delivery)
	case says.Broker != nil:
		b := says.Broker
		out.Kind, out.From, out.Ordering = "broker", "latest", b.Ordering
		out.Group = "knative-trigger-" + orDefault(t.Namespace) + "-" + function + "-" + name
		out.Attributes, out.Filters = b.Attributes, b.Filters
		if len(b.Filters) > 0 {
			out.Attributes = nil // they are not looked at
		}
		out.topics(t, b.Topic)
		out.Delivery = delivery(b.Delivery)
	}
	out.InFlight = inFlight(out, t.Functions[function].Scale)
	return out
}

func orDefault(namespace string) string {
	if namespace == "" {
		return "default"
	}
	return namespace
}

func (t *Trigger) topics(from *template.Template, names ...string) {
	for _, name := range names {
		t.Topics = append(t.Topics, Topic{name, from.Topics[name].Partitions})
	}
}

func inFlight(t Trigger, scale template.Scale) *InFlight {
	in := InFlight{Source: unordered, Scale: scale.Max * scale.Concurrency}
	if t.Ordering == "ordered" {
		in.Source = 0
		for _, topic := range t.Topics {
			in.Source += topic.Partitions
		}
	}
	in.Most = in.Source
	if in.Scale > 0 {
		in.Most = min(in.Most, in.Scale)
	}
	return &in
}

func delivery(says template.Delivery) *Delivery {
	d := Delivery{Delivery: says, Tries: says.Retry + 1, TriesMs: []int{}}
	for _, at := range says.Tries() {
		if len(d.TriesMs) < 100 {
			d.TriesMs = append(d.TriesMs, ms(at))
		}
	}
	d.WaitsMs, d.HeldMs = ms(says.Waits()), ms(says.Longest())
	d.HeldWithDeadLetterMs = d.HeldMs
	if says.DeadLetter.Function != "" {
		d.HeldWithDeadLetterMs = 2 * d.HeldMs
	}
	return &d
}

func ms(d time.Duration) int { return int(d.Milliseconds()) }
