package template

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"somssi/local/filter"
)

// filters reports what Knative would refuse of a trigger's filters, each where it is written.
func (c checker) filters(broker *node, b Broker) {
	for _, f := range c.compile(b) {
		n := broker.follow(f.Path)
		if n == nil || misread(n) {
			continue // has been reported
		}
		at, rule := n.at, ruleFilter
		switch {
		case f.Attribute != "":
			at = n.get(f.Attribute).keyAt
		case f.Path[len(f.Path)-1] == "cesql":
			rule = ruleCESQL
			at = c.within(n, f)
		}
		c.add(at, rule, n.path()+": "+f.What, f.Fix)
	}
}

// compile compiles the same filters once, not with each environment again: it is what takes time.
func (c checker) compile(b Broker) filter.Errors {
	key, err := json.Marshal([]any{b.Filters, b.Attributes})
	if err != nil {
		return nil // strings never fail
	}
	found, known := c.compiled[string(key)]
	if !known {
		_, err = filter.Compile(b.Filters, b.Attributes)
		errors.As(err, &found)
		c.compiled[string(key)] = found
	}
	return found
}

// follow returns the value at the end of a path of keys and indexes, or nil.
func (n *node) follow(path []any) *node {
	for _, step := range path {
		switch s := step.(type) {
		case string:
			n = n.get(s)
		case int:
			if n == nil || n.kind != list || s >= len(n.items) {
				return nil
			}
			n = n.items[s]
		}
	}
	return n
}

// misread tells of a filter that seems to have no dialect, because what it has could not be read.
func misread(n *node) bool {
	if n.kind == text || n.parent.key == "filter" || slices.Contains([]string{"exact", "prefix", "suffix"}, n.key) {
		return false // no filter, but a part of one
	}
	return n.kind != mapping || len(n.items) > 0 && !slices.ContainsFunc(n.items, func(item *node) bool {
		switch item.key {
		case "all", "any":
			return item.kind == list
		case "exact", "prefix", "suffix", "not":
			return item.kind == mapping
		case "cesql":
			return item.kind == text
		}
		return false
	})
}

// within is the place in an expression, if it stands in the file just as it reads.
func (c checker) within(n *node, f *filter.Error) place {
	text, ok := n.value.(string)
	if !ok || f.Line != 1 || n.at.line > len(c.lines) {
		return n.at
	}
	line := c.lines[n.at.line-1]
	for quote := range 2 {
		from := n.at.col - 1 + quote
		if from <= len(line) && strings.HasPrefix(string(line[from:]), text) {
			return place{n.at.line, from + f.Column}
		}
	}
	return n.at
}
