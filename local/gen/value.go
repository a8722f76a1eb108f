package gen

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// safest is the largest integer that every reader of JSON keeps.
const safest = 1<<53 - 1

// maker makes plausible values. Its choices follow from its random numbers alone.
type maker struct {
	random *rand.Rand
	typ    string
	at     time.Time // when what the event tells of happened
}

func newMaker(typ string, seed uint64, number int) *maker {
	random := rand.New(rand.NewPCG(seed, uint64(number)))
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) // not now, or the same seed would make other events
	return &maker{random, typ, begin.Add(time.Duration(random.Int64N(300*24*3600*1000)) * time.Millisecond)}
}

// object makes all properties: those that are required, then the others.
func (m *maker) object(s *jsonschema.Schema) (object, error) {
	var out object
	for _, name := range properties(s) {
		value, err := m.value(s.Properties[name], name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, member{name, value})
	}
	return out, nil
}

func properties(s *jsonschema.Schema) []string {
	all := slices.Clone(s.Required)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool { return s.Properties[name] == nil })
}

func (m *maker) value(s *jsonschema.Schema, name string) (string, error) {
	switch {
	case s.Const != nil:
		return marshal(*s.Const), nil
	case len(s.Enum) > 0:
		return marshal(s.Enum[m.random.IntN(len(s.Enum))]), nil
	}
	switch kind(s) {
	case "object":
		o, err := m.object(s)
		return o.String(), err
	case "array":
		return m.array(s, name)
	case "integer", "number":
		return fmt.Sprint(m.integer(s, name)), nil
	case "boolean":
		return fmt.Sprint(m.random.IntN(2) == 0), nil
	case "string":
		text, err := m.text(s, name)
		return quote(text), err
	}
	return "null", nil
}

func kind(s *jsonschema.Schema) string {
	if len(s.Types) > 0 {
		return s.Types[0]
	}
	return s.Type
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(text)
}

func (m *maker) array(s *jsonschema.Schema, name string) (string, error) {
	least, most := bounds(s.MinItems, s.MaxItems, 3)
	var items []string
	for range least + m.random.IntN(min(most-least, 3)+1) {
		item, err := m.value(s.Items, strings.TrimSuffix(name, "s"))
		if err != nil {
			return "", err
		}
		if !s.UniqueItems || !slices.Contains(items, item) {
			items = append(items, item)
		}
	}
	if len(items) < least { // equal ones came out by chance
		inside, err := edges(s.Items, m.random)
		if err != nil {
			return "", err
		}
		items = manyItems(inside, least, s.UniqueItems)
	}
	return "[" + strings.Join(items, ",") + "]", nil
}

// bounds are least and most, where a schema sets none 0 and usual.
func bounds(least, most *int, usual int) (int, int) {
	low, high := 0, usual
	if least != nil {
		low, high = *least, *least+usual
	}
	if most != nil {
		high = *most
	}
	return low, high
}

// limits are the integers that a schema bounds a number by.
func limits(s *jsonschema.Schema) (least, most int64) {
	least, most = -safest, safest
	if s.Minimum != nil {
		least = int64(math.Ceil(*s.Minimum))
	}
	if s.Maximum != nil {
		most = int64(math.Floor(*s.Maximum))
	}
	return least, most
}

func (m *maker) integer(s *jsonschema.Schema, name string) int64 {
	least, most := limits(s)
	value := 1000 + m.random.Int64N(999_000)
	switch {
	case name == "version" && strings.Contains(m.typ, ".registered."):
		value = 1
	case name == "version":
		value = 2 + m.random.Int64N(8)
	case strings.HasPrefix(strings.ToLower(name), "price"):
		value = 1000 * (5 + m.random.Int64N(195))
	}
	return min(max(value, least), most)
}
