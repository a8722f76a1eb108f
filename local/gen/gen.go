package gen

import (
	"fmt"
)

// The kinds of events.
const (
	Valid   = "valid"   // plausible
	Edge    = "edge"    // at a limit, and still allowed
	Hostile = "hostile" // breaks one rule
)

// Event is one event that was made.
type Event struct {
	// Case is what is at its limit, or the rule that is broken; of a valid
	// event it is "".
	Case string
	// Text is the event in structured JSON, on one line; of a hostile one it
	// may be anything.
	Text string
}

// Make makes n events of a kind; 0 is one valid event, or each edge or hostile
// case once. More than there are cases begin again with other values. The same
// arguments make the same bytes.
func (s *Schema) Make(kind string, n int, seed uint64) ([]Event, error) {
	var all []Event
	for round := 0; len(all) < max(n, 1); round++ {
		some, err := s.round(kind, seed, round)
		if err != nil {
			return nil, fmt.Errorf("make %s events of %s: %w", kind, s.Type, err)
		}
		all = append(all, some...)
	}
	if n > 0 {
		all = all[:n]
	}
	return all, nil
}

// round makes one event of each case.
func (s *Schema) round(kind string, seed uint64, number int) ([]Event, error) {
	m := newMaker(s.Type, seed, number)
	data, err := m.object(s.root)
	if err != nil {
		return nil, err
	}
	usual := envelope(s.Type, data, m.at, m.random)
	cases := []one{{"", usual.String()}}
	switch kind {
	case Valid:
	case Edge:
		cases, err = s.edgeCases(m, usual)
	case Hostile:
		cases, err = s.hostileCases(m, usual)
	default:
		return nil, fmt.Errorf("there is no such kind: they are %s, %s and %s", Valid, Edge, Hostile)
	}
	if err != nil {
		return nil, err
	}
	out := make([]Event, len(cases))
	for i, c := range cases {
		// Whoever sends hostile events wants to see them refused for what
		// their case says, and edge ones accepted: a promise, so it is checked.
		if wrong := s.Check([]byte(c.value)); (wrong == nil) == (kind == Hostile) {
			return nil, fmt.Errorf("case %q came out wrong (%w)", c.what, wrong)
		}
		out[i] = Event{c.what, c.value}
	}
	return out, nil
}

func (s *Schema) edgeCases(m *maker, usual object) ([]one, error) {
	of, err := edges(s.root, m.random)
	if err != nil {
		return nil, err
	}
	cases := s.around(m, "data, ", of)
	return append(cases, attributeEdges(usual)...), nil
}

func (s *Schema) hostileCases(m *maker, usual object) ([]one, error) {
	of, err := broken(s.root, m.random)
	if err != nil {
		return nil, err
	}
	cases := s.around(m, "data ", of)
	return append(append(cases, brokenAttributes(usual)...), brokenJSON(usual)...), nil
}

// around puts each data into an event of its own id.
func (s *Schema) around(m *maker, what string, data []one) (cases []one) {
	for _, d := range data {
		e := envelope(s.Type, nil, m.at, m.random).with("data", d.value)
		cases = append(cases, one{what + d.what, e.String()})
	}
	return cases
}
