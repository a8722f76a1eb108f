// Package diff tells in words of delivery what changes between two renderings of
// template.yaml, or between one and what a cluster has: a sentence a change,
// with what it does to events and requests.
package diff

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"somssi/local/render"
)

// Change is one thing that becomes different.
type Change struct {
	Subject string `json:"subject"` // function, function/trigger, or kind and name
	What    string `json:"what"`    // what becomes of it, and what follows from that
}

// String is the change as a sentence.
func (c Change) String() string { return c.Subject + ": " + c.What }

// side is all that there is before or after.
type side []render.Object

// Of tells what makes after of before: functions first, then what sets them off,
// then the rest, each by name.
func Of(before, after []render.Object) (all []Change, err error) {
	for _, kind := range kinds(before, after) {
		for _, name := range names(kind, before, after) {
			as := render.Object{"kind": kind, "metadata": render.Object{"name": name}}
			if kind == "ksvc" {
				as["kind"], as["apiVersion"] = "Service", "serving.knative.dev/v1"
			}
			was, is := render.Find(before, as), render.Find(after, as)
			changes, err := between(kind, was, is, before, after)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", kind, name, err)
			}
			for _, what := range changes {
				all = append(all, Change{subject(kind, name, is, was), what})
			}
		}
	}
	return all, nil
}

// order is that of the kinds that a person asks for first.
var order = []string{"ksvc", "Deployment", "HorizontalPodAutoscaler", "HTTPRoute", "KafkaSource", "Trigger", "PingSource", "KafkaTopic", "KafkaUser", "RedisUser"}

func kinds(sides ...side) (all []string) {
	for _, o := range slices.Concat(sides...) {
		if !slices.Contains(all, o.Kind()) {
			all = append(all, o.Kind())
		}
	}
	rank := func(kind string) int {
		if i := slices.Index(order, kind); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b)) })
	return all
}

func names(kind string, sides ...side) (all []string) {
	for _, o := range slices.Concat(sides...) {
		if o.Kind() == kind {
			all = append(all, o.Name())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// subject names a source by its function and trigger, as template.yaml does.
func subject(kind, name string, objects ...render.Object) string {
	switch kind {
	case "ksvc", "Deployment", "HorizontalPodAutoscaler":
		return name
	case "RedisUser":
		return name + " in Redis"
	case "KafkaTopic":
		for _, o := range objects {
			if topic := o.Text("spec", "topicName"); topic != "" {
				return "topic " + topic
			}
		}
	case "KafkaSource", "Trigger", "PingSource":
		for _, o := range objects {
			function := cmp.Or(o.Text("spec", "sink", "ref", "name"), o.Text("spec", "subscriber", "ref", "name"))
			if trigger, ok := strings.CutPrefix(name, function+"-"); ok && function != "" {
				return function + "/" + trigger
			}
		}
	}
	return kind + " " + name
}

// between tells the changes of one object, of which one side may not be there.
func between(kind string, was, is render.Object, before, after side) ([]string, error) {
	switch {
	case was == nil && is == nil:
		return nil, nil
	case was == nil:
		return comes(kind, is, before, after)
	case is == nil:
		return goes(kind, was, before, after), nil
	}
	var told []string
	var err error
	known := paths[kind]
	switch kind {
	case "ksvc", "Deployment":
		told = workload(was, is)
	case "KafkaSource", "Trigger":
		told, err = source(was, is)
	case "PingSource":
		told = ping(was, is)
	case "KafkaTopic":
		told = topic(was, is)
	case "KafkaUser":
		told = user(was, is)
	case "HorizontalPodAutoscaler":
		told = scaler(was, is)
	case "HTTPRoute":
		told = route(was, is)
	case "NetworkPolicy":
		if told = network(was, is); len(told) > 0 {
			known = []string{"spec.egress", "spec.ingress"}
		}
	case "RedisUser":
		told = redisUser(was, is)
	}
	return append(told, rest(was, is, known)...), err
}

// paths are those of which the sentences of a kind speak.
var paths = map[string][]string{
	"ksvc": {
		"metadata.labels.networking.knative.dev/visibility", "spec.template.metadata.annotations.autoscaling.knative.dev/min-scale",
		"spec.template.metadata.annotations.autoscaling.knative.dev/max-scale", "spec.template.spec.containerConcurrency",
		"spec.template.spec.timeoutSeconds", "spec.template.spec.containers", "spec.template.spec.volumes",
	},
	"Deployment":  {"spec.replicas", "spec.template.spec.containers", "spec.template.spec.volumes"},
	"KafkaSource": {"spec.topics", "spec.consumerGroup", "spec.consumers", "spec.initialOffset", "spec.ordering", "spec.delivery", "spec.sink", "spec.bootstrapServers", "metadata.annotations." + mostConsumers},
	"Trigger":     {"spec.filter", "spec.filters", "spec.delivery", "spec.subscriber", "spec.broker", "metadata.annotations.kafka.eventing.knative.dev/delivery.order"},
	"PingSource":  {"spec.schedule", "spec.timezone", "spec.data", "spec.sink"},
	"KafkaTopic":  {"spec.partitions", "spec.replicas", "spec.config.retention.ms", "spec.config.min.insync.replicas"},
	"KafkaUser":   {"spec.authorization.acls"},
	"RedisUser":   {"rules"},
	"HTTPRoute":   {"spec.hostnames", "spec.parentRefs", "spec.rules"},

	"HorizontalPodAutoscaler": {"spec.minReplicas", "spec.maxReplicas"},
}

// rest names what else differs, in one sentence.
func rest(was, is render.Object, known []string) []string {
	var found []string
	var walk func(path string, was, is any)
	walk = func(path string, was, is any) {
		if slices.Contains(known, path) || path == "metadata.namespace" {
			return
		}
		a, isMap := was.(render.Object)
		b, areMaps := is.(render.Object)
		if (!isMap && was != nil) || (!areMaps && is != nil) || (!isMap && !areMaps) { // a mapping that is not there has no keys
			if !reflect.DeepEqual(was, is) {
				found = append(found, path)
			}
			return
		}
		for key := range keys(a, b) {
			walk(strings.TrimPrefix(path+"."+key, "."), a[key], b[key])
		}
	}
	walk("", was, is)
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return []string{"changes in " + strings.Join(found, ", ")}
}

// keys are those of either map, each once.
func keys[V any, M ~map[string]V](a, b M) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for key := range a {
			if !yield(key) {
				return
			}
		}
		for key := range b {
			if _, told := a[key]; !told && !yield(key) {
				return
			}
		}
	}
}

// set says what a value was and is; nothing where it is the same.
func set(what, was, is, then string) []string {
	if was == is {
		return nil
	}
	return []string{fmt.Sprintf("%s %s → %s: %s", what, cmp.Or(was, "none"), cmp.Or(is, "none"), then)}
}
