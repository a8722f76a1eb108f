package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	servingv1 "knative.dev/serving/pkg/apis/serving/v1"
)

// workload is an object that makes pods.
type workload struct {
	*object
	path     string // of the template
	template *corev1.PodTemplateSpec
	labels   labels.Set
}

// set judges what is applied together: that what one object names another one is.
func (c *checker) set(env string, all []*object) {
	s := &set{c, env, all, nil}
	for i, o := range all {
		if slices.ContainsFunc(all[:i], func(before *object) bool { return before.is(o) && before.namespace == o.namespace }) {
			c.at(o, ruleDuplicate, "metadata.name", "there are two of the kind with the name", "give each a name of its own")
		}
		if w := newWorkload(o); w != nil {
			s.workloads = append(s.workloads, w)
		}
	}
	for _, w := range s.workloads {
		s.workload(w)
	}
	for _, o := range all {
		s.references(o)
		s.selectors(o)
	}
}

type set struct {
	*checker
	env       string // the environment, as template.yaml has it; empty where there is none
	all       []*object
	workloads []*workload
}

func newWorkload(o *object) *workload {
	w := &workload{object: o, path: "spec.template"}
	switch kindOf(o) {
	case "serving.knative.dev/v1 Service":
		s, err := convert[servingv1.Service](o.value)
		if err != nil {
			return nil
		}
		w.template = podTemplate(&s.Spec.Template)
		w.labels = labels.Set{"serving.knative.dev/service": o.name, "serving.knative.dev/configuration": o.name}
	case "apps/v1 Deployment", "batch/v1 Job":
		t, err := convert[struct {
			Spec struct {
				Template corev1.PodTemplateSpec `json:"template"`
			} `json:"spec"`
		}](o.value)
		if err != nil {
			return nil
		}
		w.template, w.labels = &t.Spec.Template, labels.Set{}
	default:
		return nil
	}
	maps.Copy(w.labels, w.template.Labels)
	return w
}

// podTemplate is what the pods of a Knative Service are made by.
func podTemplate(t *servingv1.RevisionTemplateSpec) *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{ObjectMeta: t.ObjectMeta, Spec: t.Spec.PodSpec}
}

// get is an object of the set, nil where there is none.
func (s *set) get(group, kind, name string) *object {
	for _, o := range s.all {
		if o.group() == group && o.kind == kind && o.name == name {
			return o
		}
	}
	return nil
}

// workload judges what a pod wants to be there: its account, Secrets and
// ConfigMaps, and an image that can be pulled.
func (s *set) workload(w *workload) {
	at := w.path + ".spec"
	if account := w.template.Spec.ServiceAccountName; account != "" && account != "default" && s.get("", "ServiceAccount", account) == nil {
		s.at(w.object, ruleReference, at+".serviceAccountName", fmt.Sprintf("there is no ServiceAccount %s", account), "add it, or correct the name")
	}
	for i, v := range w.template.Spec.Volumes {
		field := fmt.Sprintf("%s.volumes[%d]", at, i)
		if v.Secret != nil && !yes(v.Secret.Optional) {
			s.secret(w.object, field+".secret.secretName", w.name, v.Secret.SecretName)
		}
		if v.ConfigMap != nil && !yes(v.ConfigMap.Optional) {
			s.configMap(w.object, field+".configMap.name", v.ConfigMap.Name, "")
			for k, item := range v.ConfigMap.Items {
				s.configMap(w.object, fmt.Sprintf("%s.configMap.items[%d].key", field, k), v.ConfigMap.Name, item.Key)
			}
		}
	}
	for i, container := range w.template.Spec.Containers {
		s.container(w, fmt.Sprintf("%s.containers[%d]", at, i), container)
	}
	for i, container := range w.template.Spec.InitContainers {
		s.container(w, fmt.Sprintf("%s.initContainers[%d]", at, i), container)
	}
}

func (s *set) container(w *workload, at string, container corev1.Container) {
	image, version := container.Image, ""
	if i := strings.LastIndexAny(image, ":@"); i > strings.LastIndexByte(image, '/') {
		image, version = image[:i], image[i+1:]
	}
	if _, err := name.ParseReference(container.Image); err != nil {
		// That is told elsewhere.
	} else if host, _, found := strings.Cut(image, "/"); !found || !strings.ContainsAny(host, ".:") || version == "" || version == "latest" {
		s.at(w.object, ruleImage, at+".image", fmt.Sprintf("%q names no registry, or no version", container.Image), "say both under images in the overlay: template.yaml has them as image")
	}
	for i, v := range container.Env {
		if v.ValueFrom == nil {
			continue
		}
		field := fmt.Sprintf("%s.env[%d].valueFrom", at, i)
		if ref := v.ValueFrom.SecretKeyRef; ref != nil && !yes(ref.Optional) {
			s.secret(w.object, field+".secretKeyRef.name", w.name, ref.Name)
		}
		if ref := v.ValueFrom.ConfigMapKeyRef; ref != nil && !yes(ref.Optional) {
			s.configMap(w.object, field+".configMapKeyRef.name", ref.Name, ref.Key)
		}
	}
	for i, from := range container.EnvFrom {
		field := fmt.Sprintf("%s.envFrom[%d]", at, i)
		if ref := from.SecretRef; ref != nil && !yes(ref.Optional) {
			s.secret(w.object, field+".secretRef.name", w.name, ref.Name)
		}
		if ref := from.ConfigMapRef; ref != nil && !yes(ref.Optional) {
			s.configMap(w.object, field+".configMapRef.name", ref.Name, "")
		}
	}
}

func yes(b *bool) bool { return b != nil && *b }

// secret judges a reference to a Secret: none is in the manifests, so each is one
// that template.yaml asks the operator for, or that Strimzi writes.
func (s *set) secret(o *object, field, owner, name string) {
	known := s.secrets(s.env, owner)
	for _, u := range s.all {
		if u.kind == "KafkaUser" || u.kind == "Secret" {
			known = append(known, u.name)
		}
		meta, _ := u.value["metadata"].(map[string]any)
		tags, _ := meta["labels"].(map[string]any)
		if cluster, is := tags["strimzi.io/cluster"].(string); is {
			known = append(known, cluster+"-cluster-ca-cert")
		}
	}
	if !slices.Contains(known, name) {
		slices.Sort(known)
		s.at(o, ruleSecret, field, fmt.Sprintf("nobody makes a Secret %s for it", name), "name one that template.yaml asks for, or that Strimzi writes: "+strings.Join(slices.Compact(known), ", "))
	}
}

func (s *set) configMap(o *object, field, name, key string) {
	m := s.get("", "ConfigMap", name)
	if m == nil {
		s.at(o, ruleReference, field, fmt.Sprintf("there is no ConfigMap %s", name), "add it, or correct the name")
		return
	}
	data, _ := m.value["data"].(map[string]any)
	if _, there := data[key]; !there && key != "" {
		s.at(o, ruleReference, field, fmt.Sprintf("ConfigMap %s has no key %s", name, key), "add it, or correct the key")
	}
}

// selected are the workloads that a selector selects; ok is false where it can not
// be read, which is told elsewhere.
func (s *set) selected(selector *metav1.LabelSelector) (all []*workload, ok bool) {
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return nil, false
	}
	for _, w := range s.workloads {
		if match.Matches(w.labels) {
			all = append(all, w)
		}
	}
	return all, true
}

// sorted are the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
