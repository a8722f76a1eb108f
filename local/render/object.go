package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Object is a manifest of any kind as it was read: maps are Objects, whole
// numbers int64.
type Object map[string]any

var separator = regexp.MustCompile(`(?m)^---\s*$`)

// Parse reads manifests, one a document; empty ones count for nothing.
func Parse(text string) (all []Object, err error) {
	for i, doc := range separator.Split(text, -1) {
		b, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", i+1, err)
		}
		var value map[string]any
		if err := json.Unmarshal(b, &value); err != nil {
			return nil, fmt.Errorf("document %d is no manifest: %w", i+1, err)
		}
		if len(value) > 0 {
			all = append(all, plain(value).(Object))
		}
	}
	return all, nil
}

func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		o := Object{}
		for key, one := range v {
			o[key] = plain(one)
		}
		return o
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	}
	return value
}

// At is the value at a path of keys, nil where there is none.
func (o Object) At(keys ...string) any {
	var value any = o
	for _, key := range keys {
		m, _ := value.(Object)
		value = m[key]
	}
	return value
}

// Text is the value at a path as it would be read, empty where there is none.
func (o Object) Text(keys ...string) string {
	switch v := o.At(keys...).(type) {
	case nil:
		return ""
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = fmt.Sprint(v[i])
		}
		return strings.Join(words, ", ")
	default:
		return fmt.Sprint(v)
	}
}

// Name is metadata.name.
func (o Object) Name() string { return o.Text("metadata", "name") }

// Kind tells Knative's Service from Kubernetes' own: it is ksvc.
func (o Object) Kind() string {
	if o.Text("kind") == "Service" && strings.HasPrefix(o.Text("apiVersion"), "serving.knative.dev/") {
		return "ksvc"
	}
	return o.Text("kind")
}

// anywhere is the object without its namespace.
func (o Object) anywhere() Object {
	meta, _ := o["metadata"].(Object)
	if meta == nil {
		return o
	}
	o, meta = maps.Clone(o), maps.Clone(meta)
	delete(meta, "namespace")
	o["metadata"] = meta
	return o
}

// Find is the object of the same kind and name, nil where there is none.
func Find(all []Object, as Object) Object {
	for _, o := range all {
		if o.Kind() == as.Kind() && o.Name() == as.Name() {
			return o
		}
	}
	return nil
}

// merge is the object with a merge patch (RFC 7386) applied.
func merge(o, patch Object) Object {
	if o = maps.Clone(o); o == nil {
		o = Object{}
	}
	for key, value := range patch {
		inner, isMap := value.(Object)
		under, _ := o[key].(Object)
		switch {
		case value == nil:
			delete(o, key)
		case isMap:
			o[key] = merge(under, inner)
		default:
			o[key] = value
			if list, ok := value.([]any); ok {
				o[key] = slices.DeleteFunc(slices.Clone(list), func(one any) bool { return reflect.DeepEqual(one, whole) })
			}
		}
	}
	return o
}
