package template

import (
	"fmt"
	"slices"
	"strings"
)

type kind string

const (
	mapping kind = "a mapping"
	list    kind = "a list"
	text    kind = "a string"
	whole   kind = "a whole number"
	number  kind = "a number"
	truth   kind = "true or false"
	nothing kind = "nothing"
)

// node is one value of the file. The values of a mapping carry their key, so that a problem can point
// at the key or at the value.
type node struct {
	parent *node
	key    string
	keyAt  place // of a list's item and of the root: the value's place
	at     place
	kind   kind
	value  any     // of a scalar: string, int64, uint64, float64 or bool
	items  []*node // of a mapping or list, in the order of the file
}

// get returns the value of a key, or nil; also on nil, so that gets can be chained.
func (n *node) get(keys ...string) *node {
	for _, key := range keys {
		if n == nil || n.kind != mapping {
			return nil
		}
		i := slices.IndexFunc(n.items, func(item *node) bool { return item.key == key })
		if i < 0 {
			return nil
		}
		n = n.items[i]
	}
	return n
}

// entries are the values of a mapping; none of anything else, which has been reported.
func (n *node) entries() []*node {
	if n == nil || n.kind != mapping {
		return nil
	}
	return n.items
}

// path is where the value stands, as in topics.new_talent_events.partitions; empty for the root.
func (n *node) path() string {
	if n.parent == nil {
		return ""
	}
	if n.parent.kind == list {
		return fmt.Sprintf("%s[%d]", n.parent.path(), slices.Index(n.parent.items, n))
	}
	return strings.TrimPrefix(n.parent.path()+"."+clip(n.key), ".")
}

// listPath is the path of the list whose item this is; empty for what is no item.
func (n *node) listPath() string {
	if n.parent != nil && n.parent.kind == list {
		return n.parent.path()
	}
	return ""
}

// in says inside what a key stands, for the end of a sentence.
func (n *node) in() string {
	if p := n.path(); p != "" {
		return " in " + p
	}
	return ""
}

// without returns the mapping less one key.
func (n *node) without(key string) *node {
	if n.kind != mapping {
		return n
	}
	rest := *n
	rest.items = slices.DeleteFunc(slices.Clone(n.items), func(item *node) bool { return item.key == key })
	return &rest
}

// merge lays one tree over another, mapping by mapping; a list or scalar replaces what is below it.
// Every value keeps its own place, so that a problem is shown where it was written.
func merge(under, over *node) *node {
	if under.kind != mapping || over.kind != mapping {
		return over
	}
	both := *under
	both.items = slices.Clone(under.items)
	for _, item := range over.items {
		i := slices.IndexFunc(both.items, func(u *node) bool { return u.key == item.key })
		if i < 0 {
			both.items = append(both.items, item)
			continue
		}
		both.items[i] = merge(both.items[i], item)
	}
	return &both
}

// clip shortens a name that is absurdly long.
func clip(name string) string {
	if runes := []rune(name); len(runes) > 64 {
		return string(runes[:64]) + "…"
	}
	return name
}
