package main

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// find is where a field is written, as far down as it is: of one that is missing
// the mapping that lacks it.
func (o *object) find(field string) (in *document, line, col int) {
	path, deepest := split(field), -1
	for _, d := range o.from {
		for n := len(path); n >= 0 && n > deepest; n-- {
			if at, whole := descend(d.node, path[:n]); whole {
				in, line, col, deepest = d, at.Line, at.Column, n
			}
		}
	}
	if in == nil { // an object that kustomize made of nothing
		return &document{file: "-"}, 1, 1
	}
	return in, line, col
}

// split takes a path apart: spec.ports[0].name, metadata.labels[a.b/c].
func split(field string) (path []string) {
	for len(field) > 0 {
		end := strings.IndexAny(field, ".[")
		switch {
		case field[0] == '[':
			end = strings.IndexByte(field, ']')
			if end < 0 {
				return append(path, field[1:])
			}
			path = append(path, strings.Trim(field[1:end], `"`))
			field = strings.TrimPrefix(field[end+1:], ".")
		case end < 0:
			return append(path, field)
		default:
			path = append(path, field[:end])
			field = strings.TrimPrefix(field[end:], ".")
		}
	}
	return path
}

// keyIn is where a mapping has a key, -1 where it has not.
func keyIn(n *yaml.Node, key string) int {
	for k := 0; k+1 < len(n.Content); k += 2 {
		if n.Content[k].Value == key {
			return k
		}
	}
	return -1
}

// descend is the key, or the item of a list, at a path. A name of an item stands
// for its index, and a field of a list whose index was not told for that of the
// first item which has it.
func descend(n *yaml.Node, path []string) (at *yaml.Node, whole bool) {
	at = n
	for i, step := range path {
		if n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		switch n.Kind {
		case yaml.MappingNode:
			for end := i + 1; end <= len(path); end++ { // a key with dots may not have been told from several
				if k := keyIn(n, strings.Join(path[i:end], ".")); k >= 0 {
					inner, whole := descend(n.Content[k+1], path[end:])
					if end == len(path) || inner == n.Content[k+1] {
						inner = n.Content[k]
					}
					return inner, whole
				}
			}
			return at, false
		case yaml.SequenceNode:
			if step == "*" {
				return descend(n, path[i+1:])
			}
			index, err := strconv.Atoi(step)
			if err == nil {
				if index >= len(n.Content) {
					return at, false
				}
				n = n.Content[index]
				at = n
				continue
			}
			for _, item := range n.Content {
				if inner, whole := descend(item, path[i:]); whole {
					return inner, true
				}
			}
			return at, false
		default:
			return at, false
		}
	}
	return at, true
}
