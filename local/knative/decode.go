package knative

import (
	"errors"
	"reflect"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the JSON of one manifest to the letter.
func decode[M any](c *checker, text []byte) (m M) {
	err := jsonv2.Unmarshal(text, &m, jsonv2.RejectUnknownMembers(true))
	var wrong *jsonv2.SemanticError
	switch {
	case err == nil:
	case !errors.As(err, &wrong):
		c.add("(all)", err.Error(), "write it as kubectl explain has it")
	case errors.Is(err, jsonv2.ErrUnknownName):
		field := path(wrong.JSONPointer)
		c.add(field, "is no field that there is", unknownFix(field))
	default:
		c.add(path(wrong.JSONPointer), "is a "+kind(wrong.JSONKind), "write "+wanted(wrong.GoType))
	}
	return m
}

// unknownFix says of a field that is well known elsewhere why it is none here.
func unknownFix(field string) string {
	switch {
	case field == "status", strings.HasPrefix(field, "metadata."):
		return "remove it: the cluster writes it"
	case field == "spec.delivery.format":
		return "remove it: the Kafka data plane sends all events in binary mode"
	case strings.HasPrefix(field, "spec.net.sasl."):
		return "remove it: the resource's schema has only enable, user, password and type, and the API server drops the rest"
	}
	return "look for a spelling mistake, or remove it"
}

// path writes a JSON pointer as Kubernetes writes a field.
func path(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case strings.ContainsAny(token, "./"):
			b.WriteString("[" + token + "]")
		default:
			b.WriteString("." + token)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

// kind is what a value is called.
func kind(k jsontext.Kind) string {
	switch k {
	case '"':
		return "text"
	case '0':
		return "number"
	case 't', 'f':
		return "boolean"
	case '{':
		return "mapping"
	case '[':
		return "list"
	}
	return "null"
}

// wanted is what a field of that type takes.
func wanted(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return `a text, in quotes where it is a number or a word such as true`
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Int32:
		return "a whole number of at most 2147483647"
	}
	return "a mapping"
}

// emptyTexts tells texts that are there but empty. In a Go value they would be
// as if not there, while Knative refuses them.
func emptyTexts(c *checker, field string, value any, keys ...string) {
	for _, key := range keys {
		m, _ := value.(map[string]any)
		value = m[key]
	}
	m, _ := value.(map[string]any)
	for _, key := range []string{"backoffDelay", "backoffPolicy", "retryAfterMax", "timeout"} {
		if m[key] == "" {
			c.add(field+"."+key, "is empty", "give it a value, or leave it out")
		}
	}
}
