package template

import (
	"fmt"

	"github.com/goccy/go-yaml/ast"
)

// reader turns the parser's tree into ours, which has one shape for each thing and can be merged.
type reader struct{ r *report }

// fill gives n, which knows its parent and key, what the parser found there.
func (r *reader) fill(n *node, from ast.Node, depth int) {
	n.kind, n.at = nothing, n.keyAt
	if from == nil {
		return
	}
	if depth > maxDepth {
		r.r.add(n.at, ruleSyntax, tooDeep, tooDeepFix)
		return
	}
	switch f := from.(type) {
	case *ast.MappingNode:
		r.mapping(n, f.Values, depth)
		if f.IsFlowStyle {
			n.at = tokenPlace(f.Start)
		}
		return
	case *ast.MappingValueNode:
		r.mapping(n, []*ast.MappingValueNode{f}, depth)
		return
	case *ast.NullNode:
		return // the parser places a value that is not there on the colon
	}
	n.at = tokenPlace(from.GetToken())
	if f, ok := from.(*ast.SequenceNode); ok {
		r.list(n, f.Values, depth)
		return
	}
	scalar(n, from)
}

// scalar gives n the value of a single word or number.
func scalar(n *node, from ast.Node) {
	switch f := from.(type) {
	case *ast.StringNode:
		n.kind, n.value = text, f.Value
	case *ast.LiteralNode:
		n.kind, n.value = text, f.Value.Value
	case *ast.IntegerNode:
		n.kind, n.value = whole, f.Value
	case *ast.FloatNode:
		n.kind, n.value = number, f.Value
	case *ast.BoolNode:
		n.kind, n.value = truth, f.Value
	default:
		// Infinity and not-a-number, which no key wants and JSON can not hold.
		n.kind, n.value = text, from.GetToken().Value
	}
}

func (r *reader) list(n *node, values []ast.Node, depth int) {
	n.kind = list
	for _, value := range values {
		item := &node{parent: n, keyAt: n.at}
		if value != nil {
			item.keyAt = tokenPlace(value.GetToken())
		}
		r.fill(item, value, depth+1)
		n.items = append(n.items, item)
	}
}

func (r *reader) mapping(n *node, values []*ast.MappingValueNode, depth int) {
	n.kind = mapping
	first := map[string]place{}
	for i, v := range values {
		at := tokenPlace(v.Key.GetToken())
		if i == 0 {
			n.at = at
		}
		if _, ok := v.Key.(ast.ScalarNode); !ok {
			r.r.add(at, rulePlain, "a key is one word, without a question mark", "write  key: value")
			continue
		}
		key := keyText(v.Key)
		if before, ok := first[key]; ok {
			r.r.add(at, ruleTwice, fmt.Sprintf("%q is here a second time%s, after line %d", clip(key), n.in(), before.line), "remove one of the two")
			continue
		}
		first[key] = at
		value := &node{parent: n, key: key, keyAt: at}
		r.fill(value, v.Value, depth+1)
		n.items = append(n.items, value)
	}
}

// keyText is the key as written: a topic may be called 1 or true, and a quoted key is its text.
func keyText(key ast.MapKeyNode) string {
	if s, ok := key.(*ast.StringNode); ok {
		return s.Value
	}
	return key.GetToken().Value
}
