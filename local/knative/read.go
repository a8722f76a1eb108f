package knative

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

// Read reads manifests, one a document. It is strict, as kubectl apply
// --validate=strict is: a field that is not known, or of another type, is told
// with its path, the first of each document. The error is then Problems. It
// does not validate.
func Read(text []byte) ([]Resource, error) {
	var all []Resource
	var found Problems
	for i, text := range documents(text) {
		value, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("read manifests: document %d: %w", i+1, err)
		}
		if value == nil {
			continue
		}
		c := checker{resource: fmt.Sprintf("document %d", i+1)}
		all = append(all, c.read(value))
		found = append(found, c.found...)
	}
	if len(found) > 0 {
		return nil, found
	}
	return all, nil
}

var separator = regexp.MustCompile(`(?m)^---(?:[ \t]|\r?$)`)

// documents parts a text as Kubernetes does, by its lines. The parser forgets
// all that follows a document which is empty. Each stands on the lines that it
// has in the whole, for the places in errors.
func documents(text []byte) (all []string) {
	begin, line := 0, 0
	for _, at := range append(separator.FindAllIndex(text, -1), []int{len(text), len(text)}) {
		all = append(all, strings.Repeat("\n", line)+string(text[begin:at[0]]))
		line += bytes.Count(text[begin:at[0]], []byte("\n"))
		begin = at[1]
	}
	return all
}

// parse reads one document; nil is an empty one.
func parse(text string) (value any, err error) {
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) > 1 {
		return nil, errors.New("there is more after its end: begin a document with --- on a line of its own")
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			return nil, nil
		}
		err = yaml.NodeToValue(doc.Body, &value)
	}
	return value, err
}

// read makes a resource of a document. Where it tells a problem, that is not to
// be used.
func (c *checker) read(value any) Resource {
	text, err := json.Marshal(value)
	if err != nil {
		c.add("(all)", err.Error(), "write a mapping with apiVersion, kind, metadata and spec")
		return nil
	}
	var head struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Meta       struct {
			Name string `json:"name"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		c.add("(all)", "is no manifest", "write a mapping with apiVersion, kind, metadata and spec")
		return nil
	}
	c.resource = strings.TrimSpace(fmt.Sprintf("%s: %s %s", c.resource, head.Kind, head.Meta.Name))
	emptyTexts(c, "spec.delivery", value, "spec", "delivery")
	switch head.APIVersion + " " + head.Kind {
	case sources + " KafkaSource":
		m := decode[manifest[KafkaSourceSpec]](c, text)
		return &KafkaSource{m.Meta, m.Spec}
	case eventing + " Trigger":
		m := decode[manifest[TriggerSpec]](c, text)
		return &Trigger{m.Meta, m.Spec}
	case eventing + " Broker":
		m := decode[manifest[BrokerSpec]](c, text)
		return &Broker{m.Meta, m.Spec}
	case "v1 ConfigMap":
		m := decode[dataManifest](c, text)
		return &ConfigMap{m.Meta, m.Data}
	}
	c.add("kind", fmt.Sprintf("%q of apiVersion %q is not known", head.Kind, head.APIVersion),
		"use KafkaSource of "+sources+", Trigger or Broker of "+eventing+", or ConfigMap of v1")
	return nil
}
