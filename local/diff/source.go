package diff

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"somssi/local/knative"
	"somssi/local/render"
	twin "somssi/local/source"
	"somssi/local/template"
)

// effective is a source as Knative runs it: a field that is not said counts as
// what its absence means.
func effective(o render.Object) (twin.Config, error) {
	name := func(d knative.Destination) (string, error) {
		if d.Ref != nil {
			return d.Ref.Name + d.URI, nil
		}
		return d.URI, nil
	}
	text, err := json.Marshal(o["spec"])
	if err != nil {
		return twin.Config{}, err
	}
	meta := knative.Meta{Name: o.Name(), Namespace: o.Text("metadata", "namespace")}
	if o.Kind() == "KafkaSource" {
		s := knative.KafkaSource{Meta: meta}
		if err := json.Unmarshal(text, &s.Spec); err != nil {
			return twin.Config{}, err
		}
		s.Default()
		return s.Config(name)
	}
	t := knative.Trigger{Meta: meta}
	if err := json.Unmarshal(text, &t.Spec); err != nil {
		return twin.Config{}, err
	}
	if order := o.Text("metadata", "annotations", knative.OrderAnnotation); order != "" {
		t.Meta.Annotations = map[string]string{knative.OrderAnnotation: order}
	}
	// The Broker only says which topic; that it is another one is told of itself.
	return t.Config(&knative.Broker{Meta: knative.Meta{Name: t.Spec.Broker, Namespace: meta.Namespace}}, name)
}

const mostConsumers = "autoscaling.eventing.knative.dev/max-scale"

// source tells what becomes of the deliveries of a KafkaSource or Trigger.
func source(wasObject, isObject render.Object) ([]string, error) {
	was, err := effective(wasObject)
	if err != nil {
		return nil, err
	}
	is, err := effective(isObject)
	if err != nil {
		return nil, err
	}
	told := slices.Concat(position(was, is), delivery(was, is),
		set("events go to", was.Sink, is.Sink, "from the next delivery on"), audience(to(wasObject), to(isObject)))
	if was.Ordered != is.Ordered {
		told = append(told, map[bool]string{
			true:  "unordered → ordered: one event in flight a partition, and one that fails holds up those behind it",
			false: "ordered → unordered: an event no longer waits for the one before it in its partition",
		}[is.Ordered])
	}
	a, b := wasObject.Text("spec", "consumers"), isObject.Text("spec", "consumers")
	if !is.Trigger && cmp.Or(a, "1") != cmp.Or(b, "1") {
		then := "members of the group; a function sees no difference"
		if b == "0" {
			then = "it is paused, and goes on from here when there is one again"
		}
		told = append(told, set("consumers", cmp.Or(a, "1"), cmp.Or(b, "1"), then)...)
	}
	if a, b := wasObject.Text("metadata", "annotations", mostConsumers), isObject.Text("metadata", "annotations", mostConsumers); a != b {
		told = append(told, set("most consumers", a, b, "where KEDA scales them")...)
	}
	if is.Trigger {
		if filters := func(o render.Object) any { return [2]any{o.At("spec", "filter"), o.At("spec", "filters")} }; !reflect.DeepEqual(filters(wasObject), filters(isObject)) {
			told = append(told, "its filter changes: from now on others of the topic's events pass; those that went by do not come again")
		}
		told = append(told, set("broker", wasObject.Text("spec", "broker"), isObject.Text("spec", "broker"), "it can not be changed: delete the Trigger first; it then begins at the latest record")...)
	}
	return told, nil
}

// to is the audience of a source's events; its dead letters follow it.
func to(o render.Object) string {
	return cmp.Or(o.Text("spec", "sink", "audience"), o.Text("spec", "subscriber", "audience"))
}

// position tells what is read, and from where.
func position(was, is twin.Config) (told []string) {
	if was.Group != is.Group && !is.Trigger {
		told = append(told, fmt.Sprintf("group renamed %s → %s: it can not be changed, so the KafkaSource must be deleted first; the new group starts at %s", was.Group, is.Group, start(is)))
	} else if was.Latest != is.Latest && !is.Trigger {
		told = append(told, set("starts at", word(was), word(is), "counts only for partitions of which the group has no place yet")...)
	}
	if is.Trigger {
		return told
	}
	for _, topic := range is.Topics {
		if !slices.Contains(was.Topics, topic) {
			told = append(told, fmt.Sprintf("reads %s, too: from %s", topic, start(is)))
		}
	}
	for _, topic := range was.Topics {
		if !slices.Contains(is.Topics, topic) {
			told = append(told, fmt.Sprintf("reads %s no more: what is written to it does not come here", topic))
		}
	}
	return append(told, set("Kafka is at", strings.Join(was.Brokers, ","), strings.Join(is.Brokers, ","), "where that is another Kafka, the group starts at "+start(is))...)
}

func word(c twin.Config) string {
	if c.Latest {
		return "latest"
	}
	return "earliest"
}

func start(c twin.Config) string {
	if c.Latest {
		return "latest: what was written before is not delivered"
	}
	return "earliest: everything that is kept is delivered again"
}

// delivery tells what becomes of an event that is not taken.
func delivery(was, is twin.Config) (told []string) {
	a, b := policy(was), policy(is)
	var parts []string
	if a.Retry != b.Retry {
		parts = append(parts, fmt.Sprintf("retries %d → %d", a.Retry, b.Retry))
	}
	if waits := [2]string{pauses(a), pauses(b)}; waits[0] != waits[1] && b.Retry > 0 && a.Retry > 0 {
		parts = append(parts, fmt.Sprintf("waits %s → %s", waits[0], waits[1]))
	}
	end := "lost"
	if is.DeadLetterSink != "" {
		end = "a dead letter"
	}
	switch {
	case len(parts) == 0:
	case b.Retry == 0:
		told = append(told, strings.Join(parts, ", ")+": an event that fails once is "+end+" at once")
	default:
		told = append(told, fmt.Sprintf("%s: an outage is outlasted for %s, not %s; after that an event is %s", strings.Join(parts, ", "), seconds(b.Waits()), seconds(a.Waits()), end))
	}
	if was.Delivery.Timeout != is.Delivery.Timeout {
		told = append(told, fmt.Sprintf("timeout %s → %s: a try that takes longer has failed, though the function may still be at it", template.Duration(was.Delivery.Timeout), template.Duration(is.Delivery.Timeout)))
	}
	then := "events that failed to the end are kept there"
	if is.DeadLetterSink == "" {
		then = "an event that failed to the end is lost"
	}
	return append(told, set("dead letters go to", was.DeadLetterSink, is.DeadLetterSink, then)...)
}

func policy(c twin.Config) template.Delivery {
	d := template.Delivery{Retry: c.Delivery.Retry, BackoffPolicy: "linear", BackoffDelay: template.Duration(c.Delivery.Delay)}
	if c.Delivery.Exponential {
		d.BackoffPolicy = "exponential"
	}
	return d
}

func pauses(d template.Delivery) string { return fmt.Sprintf("%s %s", d.BackoffPolicy, d.BackoffDelay) }

func seconds(d time.Duration) string {
	if d == template.Forever {
		return "centuries"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
}
