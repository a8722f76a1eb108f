// Package filter decides which events a Trigger of a Kafka-class Broker delivers, in all of Knative's
// dialects, and says which clause decided and on which value.
//
// # Where it differs, on purpose
//
// A prefix or suffix of a subject or datacontenttype that an event has not is no match. The original
// discards such an event even below `not`, and leaks a place in flight.
//
// An expression with a character that CESQL has no use for is refused. The original's webhook skips it.
package filter

import "strings"

// Spec is one entry of a Trigger's spec.filters, of exactly one dialect. A pair with an empty value
// matches anything.
type Spec struct {
	Exact  map[string]string `json:"exact,omitzero" keys:"attribute" about:"Attributes that must have just these values."`
	Prefix map[string]string `json:"prefix,omitzero" keys:"attribute" about:"Attributes that must begin with these values."`
	Suffix map[string]string `json:"suffix,omitzero" keys:"attribute" about:"Attributes that must end with these values."`
	All    []Spec            `json:"all,omitzero" about:"Filters that must all pass."`
	Any    []Spec            `json:"any,omitzero" about:"Filters of which one must pass."`
	Not    *Spec             `json:"not,omitempty" about:"A filter that must not pass."`
	CESQL  string            `json:"cesql,omitempty" about:"An expression of CloudEvents SQL over attributes, such as type = 'a.b' AND EXISTS region."`
}

// Filter is what a Trigger's filters come to. It may be used by many goroutines at once.
type Filter struct{ clauses all }

// Compile reads the filters of a Trigger: filters, or where there are none attributes, which is its
// spec.filter.attributes. With neither every event passes. An error is Errors, with everything that
// Knative's webhook would refuse.
func Compile(filters []Spec, attributes map[string]string) (*Filter, error) {
	c := compiler{}
	var f Filter
	if len(filters) > 0 {
		f.clauses = all{"filters", c.list(filters, "filters")}
	} else if len(attributes) > 0 {
		f.clauses = all{"filter", []clause{c.pairs(exact, attributes, "filter", "attributes")}}
	}
	if len(c.errors) > 0 {
		return nil, c.errors
	}
	return &f, nil
}

// Match tells whether an event passes, by its attributes: all that it has, specversion and extensions
// among them, as text. Where it does not, why is the clause that decided with the value that it saw.
func (f *Filter) Match(attributes map[string]string) (pass bool, why string) {
	e := &event{attributes: attributes}
	if f.clauses.holds(e) {
		return true, ""
	}
	why = f.clauses.why(e)
	if len(f.clauses.clauses) == 1 {
		// There is only one it could have been.
		_, why, _ = strings.Cut(why, ": ")
	}
	return false, why
}
