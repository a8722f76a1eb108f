package main

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// reference is how one object names another.
type reference struct {
	APIVersion string `json:"apiVersion"`
	Group      string `json:"group"`
	Kind       string `json:"kind"`
	Name       string `json:"name"`
	Namespace  string `json:"namespace"`
}

// at is the value at a path of keys.
func at(value any, keys ...string) any {
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	return value
}

// references judges what an object says of others by name.
func (s *set) references(o *object) {
	switch o.kind {
	case "KafkaSource", "PingSource", "Trigger", "Broker", "SinkBinding":
		for _, keys := range [][]string{{"spec", "sink", "ref"}, {"spec", "subscriber", "ref"}, {"spec", "delivery", "deadLetterSink", "ref"}} {
			s.named(o, strings.Join(keys, "."), at(o.value, keys...))
		}
	case "HorizontalPodAutoscaler":
		s.named(o, "spec.scaleTargetRef", at(o.value, "spec", "scaleTargetRef"))
		s.measured(o)
	case "ScaledObject":
		target, _ := at(o.value, "spec", "scaleTargetRef").(map[string]any)
		if name, is := target["name"].(string); is && target["kind"] == nil {
			s.named(o, "spec.scaleTargetRef", map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": name})
			return
		}
		s.named(o, "spec.scaleTargetRef", at(o.value, "spec", "scaleTargetRef"))
	case "HTTPRoute":
		s.route(o)
	}
	switch o.kind {
	case "KafkaSource":
		s.topics(o, "spec.topics", at(o.value, "spec", "topics"))
		each("", at(o.value, "spec", "net"), func(path string, value any) {
			if name, is := value.(string); is && strings.HasSuffix(path, "secretKeyRef.name") {
				s.secret(o, "spec.net."+path, o.name, name)
			}
		})
	case "KafkaUser":
		acls, _ := at(o.value, "spec", "authorization", "acls").([]any)
		for i, acl := range acls {
			if at(acl, "resource", "type") == "topic" && at(acl, "resource", "patternType") != "prefix" {
				s.topics(o, fmt.Sprintf("spec.authorization.acls[%d].resource.name", i), at(acl, "resource", "name"))
			}
		}
	case "Trigger":
		if name, _ := at(o.value, "spec", "broker").(string); name != "" && s.get("eventing.knative.dev", "Broker", name) == nil {
			s.at(o, ruleReference, "spec.broker", fmt.Sprintf("there is no Broker %s", name), "add it, or correct the name")
		}
	case "Broker":
		s.named(o, "spec.config", at(o.value, "spec", "config"))
	}
}

// named judges one reference. What is in another namespace can not be known.
func (s *set) named(o *object, field string, value any) {
	ref, err := convert[reference](value)
	if err != nil || ref.Name == "" || ref.APIVersion == "" || ref.Namespace != "" && ref.Namespace != o.namespace {
		return
	}
	group := (&object{apiVersion: ref.APIVersion}).group()
	if s.get(group, ref.Kind, ref.Name) == nil {
		s.at(o, ruleReference, field+".name", fmt.Sprintf("there is no %s %s %s", ref.APIVersion, ref.Kind, ref.Name), "add it, or correct the name")
	}
}

// topics judges names of topics, where the topics are in the manifests too.
func (s *set) topics(o *object, field string, value any) {
	known := map[string]bool{}
	for _, t := range s.all {
		if t.kind == "KafkaTopic" {
			name, is := at(t.value, "spec", "topicName").(string)
			if !is {
				name = t.name
			}
			known[name] = true
		}
	}
	list, is := value.([]any)
	for i, topic := range list {
		if name := fmt.Sprint(topic); len(known) > 0 && !known[name] {
			s.at(o, ruleReference, fmt.Sprintf("%s[%d]", field, i), "there is no KafkaTopic for "+name, "add it to topics in template.yaml, or correct the name")
		}
	}
	if name, one := value.(string); !is && one && name != "*" && len(known) > 0 && !known[name] {
		s.at(o, ruleReference, field, "there is no KafkaTopic for "+name, "add it to topics in template.yaml, or correct the name")
	}
}

// route judges where a route leads: to a Service, or to the one that Knative makes
// for its own.
func (s *set) route(o *object) {
	rules, _ := at(o.value, "spec", "rules").([]any)
	for i, rule := range rules {
		backends, _ := at(rule, "backendRefs").([]any)
		for k, b := range backends {
			ref, err := convert[reference](b)
			if err != nil || ref.Namespace != "" && ref.Namespace != o.namespace || ref.Group != "" || ref.Kind != "" && ref.Kind != "Service" {
				continue
			}
			field := fmt.Sprintf("spec.rules[%d].backendRefs[%d]", i, k)
			plain := s.get("", "Service", ref.Name)
			if plain == nil && s.get("serving.knative.dev", "Service", ref.Name) == nil {
				s.at(o, ruleReference, field+".name", "there is no Service "+ref.Name, "add it, or correct the name")
			}
			ports, _ := at(valueOf(plain), "spec", "ports").([]any)
			if plain != nil && !slices.ContainsFunc(ports, func(p any) bool { return fmt.Sprint(at(p, "port")) == fmt.Sprint(at(b, "port")) }) {
				s.at(o, ruleReference, field+".port", fmt.Sprintf("Service %s has no port %v", ref.Name, at(b, "port")), "use a port of the Service")
			}
		}
	}
}

func valueOf(o *object) any {
	if o == nil {
		return nil
	}
	return o.value
}

// measured judges an autoscaler by a share of what is requested: there must be
// some of it.
func (s *set) measured(o *object) {
	target, _ := at(o.value, "spec", "scaleTargetRef", "name").(string)
	metrics, _ := at(o.value, "spec", "metrics").([]any)
	for _, w := range s.workloads {
		for i, m := range metrics {
			resource, _ := at(m, "resource", "name").(string)
			if w.name != target || resource == "" || at(m, "resource", "target", "averageUtilization") == nil {
				continue
			}
			for _, container := range w.template.Spec.Containers {
				if requests, err := convert[map[string]any](container.Resources.Requests); err != nil || requests[resource] == nil {
					s.at(o, ruleReference, fmt.Sprintf("spec.metrics[%d].resource", i), fmt.Sprintf("container %s of %s %s requests no %s, of which a share is to be measured", container.Name, w.kind, w.name, resource), "add the request, or use averageValue")
				}
			}
		}
	}
}

// selectors judges what an object says of pods by their labels.
func (s *set) selectors(o *object) {
	var field string
	var value any
	switch kindOf(o) {
	case "networking.k8s.io/v1 NetworkPolicy":
		field, value = "spec.podSelector", at(o.value, "spec", "podSelector")
	case "policy/v1 PodDisruptionBudget":
		field, value = "spec.selector", at(o.value, "spec", "selector")
	case "v1 Service":
		if field, value = "spec.selector", at(o.value, "spec", "selector"); value == nil {
			return // its endpoints are another's to write
		}
		value = map[string]any{"matchLabels": value}
	default:
		return
	}
	selector, err := convert[metav1.LabelSelector](value)
	if err != nil {
		return
	}
	pods, ok := s.selected(&selector)
	if ok && len(pods) == 0 {
		s.at(o, ruleSelector, field, "selects no pod of a Knative Service, Deployment or Job that there is", "write the labels that the template of one has")
	}
	if o.kind == "Service" && len(pods) > 0 {
		s.targets(o, pods)
	}
}

// targets judges the named ports that a Service sends to.
func (s *set) targets(o *object, pods []*workload) {
	ports, _ := at(o.value, "spec", "ports").([]any)
	for i, p := range ports {
		name, is := at(p, "targetPort").(string)
		for _, w := range pods {
			found := !is
			for _, container := range w.template.Spec.Containers {
				for _, port := range container.Ports {
					found = found || port.Name == name
				}
			}
			if !found {
				s.at(o, ruleReference, fmt.Sprintf("spec.ports[%d].targetPort", i), fmt.Sprintf("no container of %s %s has a port called %s", w.kind, w.name, name), "use the name of one")
			}
		}
	}
}
