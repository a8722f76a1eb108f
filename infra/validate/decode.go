package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/api/resource"
	sigsjson "sigs.k8s.io/json"
)

const (
	unknownFix = "look for a spelling mistake, or remove it"
	explainFix = "correct it: kubectl explain tells what it takes"
)

// decode reads an object into the type of its kind, to the letter. It is not ok
// where it can not be judged any further.
func (c *checker) decode(o *object, into any) (ok bool) {
	text, err := json.Marshal(o.value)
	if err != nil {
		c.at(o, ruleSyntax, "", err.Error(), "write it as YAML, one mapping a document")
		return false
	}
	if c.quantities(o, "", o.value) {
		return false
	}
	unknown, err := sigsjson.UnmarshalStrict(text, into)
	for _, e := range unknown {
		var at sigsjson.FieldError
		if errors.As(e, &at) {
			c.at(o, ruleUnknown, at.FieldPath(), "is no field that there is", unknownFix)
		} else {
			c.at(o, ruleUnknown, "", e.Error(), unknownFix)
		}
	}
	if err != nil {
		field, what := typeError(text, err)
		c.at(o, ruleType, field, what, explainFix)
	}
	return err == nil && len(unknown) == 0
}

// typeError is the field that can not hold what is written, and why.
func typeError(text []byte, err error) (field, what string) {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return "", strings.TrimPrefix(err.Error(), "json: ")
	}
	wanted := "a mapping"
	switch wrong.Type.Kind() {
	case reflect.Slice:
		wanted = "a list"
	case reflect.Int, reflect.Int32, reflect.Int64:
		wanted = "a whole number"
	case reflect.String:
		wanted = "text, in quotes where it is a number or a word such as yes"
	case reflect.Bool:
		wanted = "true or false"
	}
	return pathAt(text, wrong.Offset), fmt.Sprintf("is a %s, and the field holds %s", strings.Replace(wrong.Value, "object", "mapping", 1), wanted)
}

// pathAt is the path of the value that a JSON text has at an offset.
func pathAt(text []byte, offset int64) (path string) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for d.InputOffset() < offset {
		if _, err := d.ReadToken(); err != nil {
			return ""
		}
	}
	for token := range d.StackPointer().Tokens() {
		if strings.Trim(token, "0123456789") == "" {
			path += "[" + token + "]"
		} else {
			path = join(path, token)
		}
	}
	return path
}

// quantities tells amounts of CPU and memory that are none; a decoder would not
// say which.
func (c *checker) quantities(o *object, path string, value any) (found bool) {
	each(path, value, func(path string, value any) {
		if m, is := value.(map[string]any); is && (strings.HasSuffix(path, ".requests") || strings.HasSuffix(path, ".limits")) {
			for name, amount := range m {
				if _, err := resource.ParseQuantity(fmt.Sprint(amount)); err != nil {
					found = true
					c.at(o, ruleType, join(path, name), fmt.Sprintf("%q is no amount", fmt.Sprint(amount)), "write it such as 100m, 0.5, 64Mi or 1Gi")
				}
			}
		}
	})
	return found
}

// each visits a value and all below it.
func each(path string, value any, visit func(path string, value any)) {
	visit(path, value)
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			each(join(path, key), inner, visit)
		}
	case []any:
		for i, inner := range v {
			each(fmt.Sprintf("%s[%d]", path, i), inner, visit)
		}
	}
}

// convert is a part of an object as a type, where that is known to fit.
func convert[T any](value any) (out T, err error) {
	text, err := json.Marshal(value)
	if err != nil {
		return out, err
	}
	err = json.Unmarshal(text, &out)
	return out, err
}
