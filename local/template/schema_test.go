package template

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/jsonschema-go/jsonschema"

	"somssi/local/filter"
)

// TestSchema keeps schema.json equal to what the types say.
func TestSchema(t *testing.T) {
	root := schemaOf(reflect.TypeFor[Template](), field{}, false)
	root.Schema = "http://json-schema.org/draft-07/schema#" // the draft that editors know best
	root.Title = "template.yaml"
	root.Definitions = map[string]*jsonschema.Schema{"filter": structSchema(reflect.TypeFor[filter.Spec](), false)}
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, "schema.json", string(b)+"\n")
}

// schemaOf describes what is read into t. In part nothing is required, as in an environment.
func schemaOf(t reflect.Type, f field, part bool) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: durationPattern, MinLength: new(2)}
	case reflect.TypeFor[filter.Spec]():
		return &jsonschema.Schema{Ref: "#/definitions/filter"} // one may be inside another
	case reflect.TypeFor[json.RawMessage]():
		return &jsonschema.Schema{}
	case reflect.TypeFor[Environments]():
		one := schemaOf(reflect.TypeFor[Template](), field{}, true)
		for _, key := range []string{"version", "environments"} {
			delete(one.Properties, key)
			one.PropertyOrder = slices.DeleteFunc(one.PropertyOrder, func(k string) bool { return k == key })
		}
		return &jsonschema.Schema{Type: "object", PropertyNames: formSchema("label"), AdditionalProperties: one, MaxProperties: new(maxEnvironments)}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), f, part)
	case reflect.Struct:
		return structSchema(t, part)
	case reflect.Map:
		return &jsonschema.Schema{Type: "object", PropertyNames: formSchema(f.keys), AdditionalProperties: schemaOf(t.Elem(), field{}, part)}
	case reflect.Slice:
		s := &jsonschema.Schema{Type: "array", Items: schemaOf(t.Elem(), f, part), UniqueItems: t.Elem().Kind() == reflect.String}
		if f.required {
			s.MinItems = new(1)
		}
		return s
	case reflect.Int:
		return &jsonschema.Schema{Type: "integer", Enum: enum(f, true), Minimum: new(float64(f.min)), Maximum: new(float64(mostNumber))}
	case reflect.Bool:
		return &jsonschema.Schema{Type: "boolean"}
	}
	s := formSchema(f.is)
	s.Type, s.Enum = "string", enum(f, false)
	return s
}

func structSchema(t reflect.Type, part bool) *jsonschema.Schema {
	s := &jsonschema.Schema{
		Type: "object", Properties: map[string]*jsonschema.Schema{},
		AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}}, // written as false
	}
	for _, f := range fields(t) {
		// An environment has no environments, which would go on without end.
		if part && f.key == "environments" {
			continue
		}
		p := schemaOf(t.Field(f.index).Type, f, part)
		p.Description = f.about
		s.Properties[f.key] = p
		s.PropertyOrder = append(s.PropertyOrder, f.key)
		if f.required && !part {
			s.Required = append(s.Required, f.key)
		}
	}
	switch t {
	case reflect.TypeFor[Trigger]():
		s.MaxProperties = new(1)
		if !part {
			s.MinProperties = new(1)
		}
	case reflect.TypeFor[filter.Spec]():
		s.MinProperties, s.MaxProperties = new(1), new(1)
	}
	return s
}

func formSchema(name string) *jsonschema.Schema {
	form, ok := forms[name]
	if !ok {
		return &jsonschema.Schema{}
	}
	return &jsonschema.Schema{Pattern: form.pattern.String(), MaxLength: new(form.most)}
}

func enum(f field, number bool) []any {
	var all []any
	for _, word := range f.enum {
		if number {
			all = append(all, json.Number(word))
			continue
		}
		all = append(all, word)
	}
	return all
}

// TestSchemaAgrees wants the schema to refuse what the loader refuses for its shape, and nothing else.
func TestSchemaAgrees(t *testing.T) {
	shapes := []string{ruleUnknownKey, ruleType, ruleMissing, ruleValue, ruleNumber, ruleDuration, ruleOneKind, rulePath, ruleFunction, ruleKafkaName, ruleName,
		ruleFilter, ruleNoFilter, ruleStart, ruleOrder, ruleFeature, rulePing, ruleRun}
	schema := readSchema(t)
	files, _ := filepath.Glob("testdata/[TK]*.yaml")
	for _, file := range append(files, "../../template.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var refused bool
		_, err = Parse("template.yaml", text, askedFor(file))
		if problems := (Problems)(nil); errors.As(err, &problems) {
			// What YAML itself forbids never reaches a schema.
			if slices.Contains([]string{ruleSyntax, rulePlain, ruleTwice}, problems[0].Rule) {
				continue
			}
			if strings.Contains(file, "K15_every") {
				continue // a pattern can not say what a text must not begin with
			}
			refused = slices.ContainsFunc(problems, func(p Problem) bool { return slices.Contains(shapes, p.Rule) })
		}
		if err := schema.Validate(instance(t, text)); (err != nil) != refused {
			t.Errorf("%s: the schema says %v, the loader refuses its shape: %v", file, err, refused)
		}
	}
}

func readSchema(t *testing.T) *jsonschema.Resolved {
	b, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s jsonschema.Schema
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func instance(t *testing.T, text []byte) any {
	b, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}
