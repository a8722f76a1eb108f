package filter

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Error is one thing that is wrong in the filters of a Trigger.
type Error struct {
	// Path leads to the field from the Trigger's spec: keys, which are strings, and indexes of lists, which
	// are ints.
	Path []any
	// Attribute is the name that is wrong, a key of the field; empty where it is not about a name.
	Attribute string
	What, Fix string
	// Line and Column are a place in a CESQL expression, from 1, the column in characters; 0 where there
	// is none.
	Line, Column int
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s; %s", Field(e.Path), e.What, e.Fix)
}

// Field writes a path as Knative does, such as filters[0].exact.
func Field(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch s := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", s)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s)
		}
	}
	return b.String()
}

// Errors is everything that is wrong in the filters of a Trigger.
type Errors []*Error

func (es Errors) Error() string {
	var lines []string
	for _, e := range es {
		lines = append(lines, e.Error())
	}
	return strings.Join(lines, "\n")
}

type compiler struct{ errors Errors }

func (c *compiler) wrong(e Error, path []any) {
	e.Path = slices.Clone(path)
	c.errors = append(c.errors, &e)
}

func (c *compiler) list(specs []Spec, path ...any) []clause {
	clauses := make([]clause, len(specs))
	for i, s := range specs {
		clauses[i] = c.spec(s, append(slices.Clone(path), i))
	}
	return clauses
}

func (c *compiler) spec(s Spec, path []any) clause {
	at := func(key string) []any { return append(slices.Clone(path), key) }
	var found []string
	var one clause
	is := func(key string, there bool, compile func() clause) {
		if there {
			found, one = append(found, key), compile()
		}
	}
	is("exact", s.Exact != nil, func() clause { return c.pairs(exact, s.Exact, at("exact")...) })
	is("prefix", s.Prefix != nil, func() clause { return c.pairs(prefix, s.Prefix, at("prefix")...) })
	is("suffix", s.Suffix != nil, func() clause { return c.pairs(suffix, s.Suffix, at("suffix")...) })
	is("all", s.All != nil, func() clause { return all{"all", c.list(s.All, at("all")...)} })
	is("any", s.Any != nil, func() clause { return anyOf(c.list(s.Any, at("any")...)) })
	is("not", s.Not != nil, func() clause { return not{c.spec(*s.Not, at("not"))} })
	is("cesql", s.CESQL != "", func() clause { return c.expression(s.CESQL, at("cesql")) })
	switch {
	case len(found) == 0:
		c.wrong(Error{What: "a filter of no dialect", Fix: "give it one of exact, prefix, suffix, all, any, not, cesql"}, path)
	case len(found) > 1:
		c.wrong(Error{What: fmt.Sprintf("a filter of %d dialects: %s; Knative takes one", len(found), strings.Join(found, ", ")),
			Fix: "make them filters of their own, which must all pass, or put them under all"}, path)
	}
	return one
}

// attributeName is what Knative's webhook asks of a name, in the attributes of a filter too.
var attributeName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func (c *compiler) pairs(d dialect, with map[string]string, path ...any) clause {
	for _, name := range slices.Sorted(maps.Keys(with)) {
		if attributeName.MatchString(name) {
			continue
		}
		c.wrong(Error{Attribute: name, What: fmt.Sprintf("attribute name %q is not a small letter and then small letters and digits", clip(name)),
			Fix: nameFix(name)}, path)
	}
	return newPairs(d, with)
}

// nameFix guesses what a name was meant to be.
func nameFix(name string) string {
	meant := regexp.MustCompile(`[^a-z0-9]`).ReplaceAllString(strings.ToLower(name), "")
	if strings.HasPrefix(strings.ToLower(name), "data.") || strings.HasPrefix(strings.ToLower(name), "data[") {
		return "filters see the attributes of an event only, never its data: look at data in the handler"
	}
	if attributeName.MatchString(meant) {
		return fmt.Sprintf("did you mean %q?", clip(meant))
	}
	return "use the name of an attribute, such as type or subject"
}

func (c *compiler) expression(text string, path []any) clause {
	parsed, err := parse(text)
	if err != nil {
		c.wrong(*err, path)
		return nil
	}
	return parsed
}
