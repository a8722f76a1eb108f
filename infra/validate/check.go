package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checker judges manifests below a folder.
type checker struct {
	problems
	root    string // the folder that the names of files are relative to
	files   map[string][]*document
	secrets func(env, workload string) []string // those that a workload's Secrets may be called
	crds    schemas
}

func newChecker(root string, secrets func(env, workload string) []string) (*checker, error) {
	crds, bad := readSchemas()
	whole, err := filepath.Abs(root)
	return &checker{root: whole, files: map[string][]*document{}, secrets: secrets, crds: crds}, errors.Join(bad, err)
}

func (c *checker) path(file string) string { return filepath.Join(c.root, filepath.FromSlash(file)) }

// object judges one by itself.
func (c *checker) object(o *object) {
	if !c.meta(o) {
		return
	}
	switch check, known := kinds[kindOf(o)]; {
	case known:
		check(c, o)
	case c.crds[kindOf(o)] != nil:
		if c.schema(o) {
			c.rules(o)
		}
	default:
		c.at(o, ruleKind, "kind", "is none of "+cmp.Or(o.apiVersion, "no apiVersion")+" that is known here", "look for a spelling mistake, or teach infra/validate the kind")
	}
}

func kindOf(o *object) string { return o.apiVersion + " " + o.kind }

// meta judges what all objects have.
func (c *checker) meta(o *object) bool {
	for _, must := range []struct{ field, value string }{{"apiVersion", o.apiVersion}, {"kind", o.kind}, {"metadata.name", o.name}} {
		if must.value == "" {
			c.at(o, ruleMeta, must.field, "missing", "write apiVersion, kind and metadata.name")
			return false
		}
	}
	var head struct {
		Meta metav1.ObjectMeta `json:"metadata"`
	}
	if !c.decode(newObject(map[string]any{"apiVersion": o.apiVersion, "kind": o.kind, "metadata": o.value["metadata"]}, o.from...), &struct {
		metav1.TypeMeta `json:",inline"`
		Meta            *metav1.ObjectMeta `json:"metadata"`
	}{Meta: &head.Meta}) {
		return false
	}
	name := validation.NameIsDNSSubdomain
	switch o.kind {
	case "Namespace":
		name = validation.NameIsDNSLabel
	case "Service":
		name = validation.NameIsDNS1035Label
	}
	head.Meta.Namespace = cmp.Or(head.Meta.Namespace, "default")
	if o.kind == "Namespace" {
		head.Meta.Namespace = ""
	}
	found := validation.ValidateObjectMeta(&head.Meta, o.kind != "Namespace", name, field.NewPath("metadata"))
	c.list(o, ruleMeta, found)
	return len(found) == 0
}

// list adds what a validation of Kubernetes' own found.
func (c *checker) list(o *object, rule string, found field.ErrorList) {
	for _, e := range found {
		at := e.Field
		text, is := e.BadValue.(string)
		if m, _ := o.value["metadata"].(map[string]any); is && (at == "metadata.labels" || at == "metadata.annotations") {
			// Which of them it is must be looked for.
			of, _ := m[strings.TrimPrefix(at, "metadata.")].(map[string]any)
			for key, value := range of {
				if key == text || value == text {
					at = join(e.Field, key)
				}
			}
		}
		what, _, _ := strings.Cut(e.ErrorBody(), " (e.g. ")
		c.at(o, rule, at, what, explainFix)
	}
}

// selector judges a label selector by its form.
func (c *checker) selector(o *object, path string, s *metav1.LabelSelector) {
	c.list(o, ruleCore, metavalidation.ValidateLabelSelector(s, metavalidation.LabelSelectorValidationOptions{}, asPath(path)))
}

// asPath is a path of one piece.
func asPath(text string) *field.Path { return field.NewPath(text) }
