package template

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// mostNumber fits every field of Kafka and Kubernetes that a number of a template becomes; the smallest
// are 16 bits wide.
const mostNumber = 30_000

var manyDigits = regexp.MustCompile(`^[+-]?[0-9]{19,}$`)

// want reports a value that is not of the kind its key asks for.
func (d decoder) want(n *node, k kind) bool {
	if n.kind == k {
		return true
	}
	what := strings.TrimPrefix(n.path()+" must be ", " ")
	if n.parent == nil {
		what = "the file must be "
	}
	fix := map[kind]string{
		mapping: "write  key: value, or {} for none",
		list:    "write  [one, two]",
		text:    "put it in quotes",
		whole:   "write digits only, without quotes",
		truth:   "write true or false without quotes",
	}[k]
	switch {
	case n.kind == nothing && k != mapping:
		fix = "give it a value, or remove the key"
	case k == text && (n.kind == mapping || n.kind == list):
		fix = "write one word"
	}
	d.r.add(n.at, ruleType, what+string(k)+", not "+string(n.kind), fix)
	return false
}

func (d decoder) text(n *node, v reflect.Value, f field) {
	if !d.want(n, text) {
		return
	}
	s := n.value.(string)
	v.SetString(s)
	d.oneOf(n, s, f)
	if f.is != "" {
		forms[f.is].check(d.r, n.at, n.path()+" can not be", s)
	}
}

func (d decoder) int(n *node, v reflect.Value, f field) {
	s := fmt.Sprint(n.value)
	// The parser takes digits beyond 64 bits for a string.
	if !manyDigits.MatchString(s) && !d.want(n, whole) {
		return
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < f.min || i > mostNumber {
		d.r.add(n.at, ruleNumber, fmt.Sprintf("%s can not be %s", n.path(), s), fmt.Sprintf("use a number from %d to %d", f.min, mostNumber))
		return
	}
	v.SetInt(int64(i))
	d.oneOf(n, s, f)
}

func (d decoder) oneOf(n *node, word string, f field) {
	if f.key == "ordering" && strings.Contains(word, "key") {
		d.r.add(n.at, ruleOrder, fmt.Sprintf("%s can not be %q: Knative keeps the order of a partition, not of a key", n.path(), clip(word)),
			"write ordered, and give the topic as many partitions as there shall be events in flight")
		return
	}
	if len(f.enum) > 0 && !slices.Contains(f.enum, word) {
		d.r.add(n.at, ruleValue, fmt.Sprintf("%s can not be %q", n.path(), clip(word)), didYouMean(word, f.enum, "use one of "))
	}
}

func (d decoder) duration(n *node, v reflect.Value) {
	if n.kind == whole || n.kind == number {
		d.r.add(n.at, ruleDuration, fmt.Sprintf("%s is %v without a unit", n.path(), n.value), fmt.Sprintf("write %vs or %vms", n.value, n.value))
		return
	}
	if !d.want(n, text) {
		return
	}
	s := n.value.(string)
	parsed, err := parseDuration(s)
	if err == nil && parsed == 0 {
		err = errors.New("is no time at all")
	}
	if err != nil {
		d.r.add(n.at, ruleDuration, fmt.Sprintf("%s: %q %v", n.path(), clip(s), err), "write a time such as 500ms, 30s, 7d or PT0.5S")
		return
	}
	v.SetInt(int64(parsed))
}

// data keeps any value as the JSON it means.
func (d decoder) data(n *node, v reflect.Value) {
	b, err := json.Marshal(plainValue(n))
	if err != nil {
		d.r.add(n.at, ruleType, fmt.Sprintf("%s can not be written as JSON: %v", n.path(), err), "use what JSON has too")
		return
	}
	v.SetBytes(b)
}

func plainValue(n *node) any {
	switch n.kind {
	case mapping:
		m := map[string]any{}
		for _, item := range n.items {
			m[item.key] = plainValue(item)
		}
		return m
	case list:
		l := []any{}
		for _, item := range n.items {
			l = append(l, plainValue(item))
		}
		return l
	default:
		return n.value
	}
}

func (d decoder) environments(n *node, v reflect.Value) {
	if !d.want(n, mapping) {
		return
	}
	var names Environments
	for _, item := range n.items {
		forms["label"].check(d.r, item.keyAt, "an environment can not be called", item.key)
		names = append(names, item.key)
	}
	slices.Sort(names)
	v.Set(reflect.ValueOf(names))
}
