package template

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// decoder reads nodes into the types of a template. A value that is already there stays where the file
// says nothing, which is how functions come by what globals say.
type decoder struct {
	r       *report
	globals *Globals
}

// decode reads the whole tree. What is wrong is reported and left as it was.
func decode(r *report, root *node) *Template {
	t := &Template{Sender: Sender{TokensNone, "https://kubernetes.default.svc.cluster.local"}, Ingress: "kourier-internal.kourier-system", Globals: Globals{Delivery: Delivery{BackoffPolicy: "exponential", Timeout: Duration(600 * time.Second)}}}
	d := decoder{r: r, globals: &t.Globals}
	// Globals come before functions in Template, and so does their reading.
	d.value(root, reflect.ValueOf(t).Elem(), field{})
	return t
}

// fresh is what a value is before the file says anything of it.
func (d decoder) fresh(t reflect.Type) reflect.Value {
	v := reflect.New(t)
	switch x := v.Interface().(type) {
	case *Function:
		x.Env, x.Scale, x.Resources, x.Timeout = maps.Clone(d.globals.Env), d.globals.Scale, d.globals.Resources, d.globals.Timeout
	case *Topic:
		x.Partitions, x.Replication, x.Retention = 1, 1, Duration(7*day)
	case *Kafka:
		x.Ordering, x.Delivery = "ordered", d.globals.Delivery
	case *Broker:
		x.Ordering, x.Delivery = "unordered", d.globals.Delivery
	case *Cron:
		x.Timezone = "UTC"
	}
	return v
}

func (d decoder) value(n *node, v reflect.Value, f field) {
	switch v.Interface().(type) {
	case Duration:
		d.duration(n, v)
		return
	case json.RawMessage:
		d.data(n, v)
		return
	case Environments:
		d.environments(n, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(d.fresh(v.Type().Elem()))
		d.value(n, v.Elem(), f)
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v, f)
	case reflect.Slice:
		d.list(n, v, f)
	case reflect.String:
		d.text(n, v, f)
	case reflect.Int:
		d.int(n, v, f)
	case reflect.Bool:
		if d.want(n, truth) {
			v.SetBool(n.value.(bool))
		}
	}
}

func (d decoder) structure(n *node, v reflect.Value) {
	if !d.want(n, mapping) {
		return
	}
	known := fields(v.Type())
	for _, f := range known {
		if item := n.get(f.key); item != nil {
			d.value(item, v.Field(f.index), f)
		} else if f.required {
			d.r.add(n.keyAt, ruleMissing, fmt.Sprintf("%q is missing%s", f.key, n.in()), fmt.Sprintf("add %s: %s", f.key, hint(f)))
		}
	}
	for _, item := range n.items {
		if !slices.Contains(keys(known), item.key) {
			d.unknown(item, v.Type(), keys(known))
		}
	}
}

func (d decoder) unknown(item *node, t reflect.Type, known []string) {
	if no, ok := refused[t][item.key]; ok {
		d.r.add(item.keyAt, no.rule, fmt.Sprintf("%q%s: %s", item.key, item.parent.in(), no.what), no.fix)
		return
	}
	d.r.add(item.keyAt, ruleUnknownKey, fmt.Sprintf("unknown key %q%s", clip(item.key), item.parent.in()),
		didYouMean(item.key, known, "the keys here are "))
}

// hint tells what to write for a key.
func hint(f field) string {
	if len(f.enum) > 0 {
		return strings.Join(f.enum, " or ")
	}
	return f.about
}

func (d decoder) mapping(n *node, v reflect.Value, f field) {
	if !d.want(n, mapping) {
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, item := range n.items {
		if f.keys != "attribute" {
			forms[f.keys].check(d.r, item.keyAt, strings.TrimPrefix(n.path()+" can not hold the name", " "), item.key)
		}
		value := d.fresh(v.Type().Elem()).Elem()
		d.value(item, value, field{})
		v.SetMapIndex(reflect.ValueOf(item.key), value)
	}
}

func (d decoder) list(n *node, v reflect.Value, f field) {
	if !d.want(n, list) {
		return
	}
	if len(n.items) == 0 && f.required {
		d.r.add(n.at, ruleMissing, n.path()+" is empty", fmt.Sprintf("name at least one, as in %s: [name]", f.key))
	}
	// A list of nothing is not the same as no list: a filter's all of nothing passes.
	v.Set(reflect.MakeSlice(v.Type(), 0, len(n.items)))
	seen := map[any]bool{}
	for _, item := range n.items {
		value := reflect.New(v.Type().Elem()).Elem()
		d.value(item, value, f)
		if seen[item.value] && item.kind == text {
			d.r.add(item.at, ruleTwice, fmt.Sprintf("%q is here a second time in %s", item.value, n.path()), "remove one of the two")
		}
		seen[item.value] = true
		v.Set(reflect.Append(v, value))
	}
}
