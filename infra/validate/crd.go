package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	openapierrors "k8s.io/kube-openapi/pkg/validation/errors"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"k8s.io/kube-openapi/pkg/validation/strfmt"
	"k8s.io/kube-openapi/pkg/validation/validate"
	sigsyaml "sigs.k8s.io/yaml"
)

//go:embed crds/*.yaml
var crdFiles embed.FS

// schemas are those of kinds, by apiVersion and kind.
type schemas map[string]*schema

type schema struct {
	fields *structural.Structural
	values *validate.SchemaValidator
}

func readSchemas() (schemas, error) {
	all := schemas{}
	files, err := fs.Glob(crdFiles, "crds/*.yaml")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := crdFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for _, doc := range separator.Split(string(text), -1) {
			if err := all.add([]byte(doc)); err != nil {
				return nil, fmt.Errorf("read schema %s: %w", file, err)
			}
		}
	}
	return all, nil
}

func (all schemas) add(text []byte) error {
	var crd apiextensionsv1.CustomResourceDefinition
	if err := sigsyaml.UnmarshalStrict(text, &crd); err != nil {
		return err
	}
	for _, v := range crd.Spec.Versions {
		var props apiextensions.JSONSchemaProps
		if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v.Schema.OpenAPIV3Schema, &props, nil); err != nil {
			return err
		}
		fields, err := structural.NewStructural(&props)
		if err != nil {
			return err
		}
		values := fields.ToKubeOpenAPI()
		intOrString(values)
		all[crd.Spec.Group+"/"+v.Name+" "+crd.Spec.Names.Kind] = &schema{fields, validate.NewSchemaValidator(values, nil, "", strfmt.Default)}
	}
	return nil
}

// intOrString lets a field that is marked so hold both, as the API server does.
func intOrString(s *spec.Schema) {
	if both, _ := s.Extensions.GetBool("x-kubernetes-int-or-string"); both {
		s.Type = spec.StringOrArray{"integer", "string"}
	}
	for name, inner := range s.Properties {
		intOrString(&inner)
		s.Properties[name] = inner
	}
	if s.Items != nil && s.Items.Schema != nil {
		intOrString(s.Items.Schema)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Schema != nil {
		intOrString(s.AdditionalProperties.Schema)
	}
}

// schema judges an object by the schema of its CustomResourceDefinition: fields
// that there are, and their values. Rules in CEL are the API server's alone.
func (c *checker) schema(o *object) (ok bool) {
	s := c.crds[kindOf(o)]
	value, err := convert[map[string]any](o.value)
	if err != nil {
		c.at(o, ruleSyntax, "", err.Error(), "write it as YAML, one mapping a document")
		return false
	}
	unknown := pruning.PruneWithOptions(value, s.fields, true, structural.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, field := range unknown {
		c.at(o, ruleUnknown, field, "is no field that there is", unknownFix)
	}
	found := s.values.Validate(whole(value)).Errors
	for _, e := range found {
		field, what := "", e.Error()
		if wrong := (*openapierrors.Validation)(nil); errors.As(e, &wrong) {
			field = strings.TrimPrefix(wrong.Name, ".")
			what = strings.TrimPrefix(strings.TrimPrefix(what, wrong.Name+" in body "), wrong.Name+" ")
		}
		c.at(o, ruleSchema, field, what, explainFix)
	}
	return len(unknown)+len(found) == 0
}

// whole makes whole numbers of those that JSON read as floating ones.
func whole(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = whole(v[key])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}
