package filter

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// clause is one filter, ready to be asked.
type clause interface {
	holds(*event) bool
	// why tells what holds found, and on which value. It is asked only where somebody will read it.
	why(*event) string
}

// dialect is a way to compare one attribute.
type dialect struct {
	name string
	test func(value, with string) bool
}

var (
	exact  = dialect{"exact", func(value, with string) bool { return value == with }}
	prefix = dialect{"prefix", strings.HasPrefix}
	suffix = dialect{"suffix", strings.HasSuffix}
)

// pairs compares attributes by one dialect; all pairs must hold.
type pairs struct {
	dialect
	names []string // of the pairs that say something, sorted
	with  map[string]string
}

func newPairs(d dialect, with map[string]string) pairs {
	names := slices.Sorted(maps.Keys(with))
	// As in Knative an empty value matches anything, even an attribute that is not there.
	return pairs{d, slices.DeleteFunc(names, func(name string) bool { return with[name] == "" }), with}
}

func (p pairs) holds(e *event) bool { return p.broken(e) < 0 }

// broken is the first pair that does not hold, or -1.
func (p pairs) broken(e *event) int {
	return slices.IndexFunc(p.names, func(name string) bool {
		value, ok := e.text(name)
		return !ok || !p.test(value, p.with[name])
	})
}

func (p pairs) why(e *event) string {
	i := p.broken(e)
	if i < 0 {
		var said []string
		for _, name := range p.names {
			said = append(said, fmt.Sprintf("%s %s = %q", p.name, name, clip(p.with[name])))
		}
		if len(said) == 0 {
			return p.name + " of nothing holds"
		}
		return strings.Join(said, " and ") + " holds"
	}
	name := p.names[i]
	clause := fmt.Sprintf("%s %s = %q", p.name, name, clip(p.with[name]))
	if value, ok := e.text(name); ok {
		return fmt.Sprintf("%s: got %q", clause, clip(value))
	}
	return fmt.Sprintf("%s: the event has no %s", clause, name)
}

// all holds where each of its clauses does, so of nothing it does.
type all struct {
	name    string // filters at the top of a Trigger, else all
	clauses []clause
}

func (a all) holds(e *event) bool { return a.broken(e) < 0 }

func (a all) broken(e *event) int {
	return slices.IndexFunc(a.clauses, func(c clause) bool { return !c.holds(e) })
}

func (a all) why(e *event) string {
	if i := a.broken(e); i >= 0 {
		return fmt.Sprintf("%s[%d]: %s", a.name, i, a.clauses[i].why(e))
	}
	return fmt.Sprintf("%s of %d hold", a.name, len(a.clauses))
}

// anyOf holds where one of its clauses does, so of nothing it does not.
type anyOf []clause

func (a anyOf) holds(e *event) bool { return a.first(e) >= 0 }

func (a anyOf) first(e *event) int {
	return slices.IndexFunc(a, func(c clause) bool { return c.holds(e) })
}

func (a anyOf) why(e *event) string {
	if i := a.first(e); i >= 0 {
		return fmt.Sprintf("any[%d]: %s", i, a[i].why(e))
	}
	if len(a) == 0 {
		return "any of nothing never holds"
	}
	const most = 4 // more is not read
	var said []string
	for i, c := range a[:min(len(a), most)] {
		said = append(said, fmt.Sprintf("any[%d]: %s", i, c.why(e)))
	}
	if len(a) > most {
		said = append(said, fmt.Sprintf("and %d more", len(a)-most))
	}
	return strings.Join(said, "; ")
}

// not holds where its clause does not.
type not struct{ clause }

func (n not) holds(e *event) bool { return !n.clause.holds(e) }

func (n not) why(e *event) string { return "not: " + n.clause.why(e) }

// clip shortens a value to what a line can show.
func clip(value string) string {
	const most = 120
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return value
}
