package gen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// broken are values that a schema does not allow, each for one reason.
func broken(s *jsonschema.Schema, random *rand.Rand) ([]one, error) {
	all := wrongTypes(s)
	switch {
	case s.Const != nil:
		return append(all, one{"is not its constant", `"another"`}), nil
	case len(s.Enum) > 0:
		return append(all, one{"is none of its values", `"none-of-them"`}), nil
	}
	switch kind(s) {
	case "object":
		return brokenObject(s, all, random)
	case "array":
		return brokenArray(s, all, random)
	case "integer", "number":
		return append(all, brokenNumber(s)...), nil
	case "string":
		return append(all, brokenText(s)...), nil
	}
	return all, nil
}

// wrongTypes are a value of each type that the schema does not name.
func wrongTypes(s *jsonschema.Schema) (all []one) {
	allowed := append(slices.Clone(s.Types), s.Type)
	for _, v := range []struct{ types, value string }{
		{"null", "null"}, {"boolean", "true"}, {"string", `"7"`}, {"integer number", "7"}, {"array", `["a"]`}, {"object", `{"a":1}`},
	} {
		names := strings.Fields(v.types)
		if !slices.ContainsFunc(names, func(name string) bool { return slices.Contains(allowed, name) }) {
			all = append(all, one{"is of type " + names[0], v.value})
		}
	}
	return all
}

func brokenNumber(s *jsonschema.Schema) (all []one) {
	least, most := limits(s)
	if s.Minimum != nil {
		all = append(all, one{"is below its minimum", fmt.Sprint(least - 1)})
	}
	if s.Maximum != nil {
		all = append(all, one{"is above its maximum", fmt.Sprint(most + 1)}, one{"is far above its maximum", "1e300"})
	}
	if kind(s) == "integer" {
		all = append(all, one{"has a fraction", fmt.Sprintf("%d.5", max(least, 1))})
	}
	return append(all, one{"is beyond every number", "1e400"}, one{"is not a number, NaN", "NaN"},
		one{"has a zero in front", "007"}, one{"is written in hexadecimal", "0x10"})
}

func brokenText(s *jsonschema.Schema) (all []one) {
	least, most := bounds(s.MinLength, s.MaxLength, 0)
	if s.MinLength != nil && least > 0 {
		all = append(all, one{"is shorter than its least length", quote(filled("a", least-1))})
	}
	if s.MaxLength != nil {
		all = append(all, one{"is longer than its most length", quote(filled("a", most+1))},
			one{"is longer than its most length, in emoji", quote(filled("🎸", most+1))})
	}
	if s.Pattern != "" {
		for _, text := range []string{"", "UPPER", "two words", "line\nbreak", "../../etc/passwd", "*", "솜씨", strings.Repeat("a", 5000)} {
			if !fits(s, text) {
				all = append(all, one{fmt.Sprintf("breaks its pattern, %.20q", text), quote(text)})
			}
		}
	}
	if s.Format == "date-time" {
		for _, text := range []string{"yesterday", "2026-02-30T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-01-01T00:00:00", "1767225600000"} {
			all = append(all, one{"is no time, " + text, quote(text)})
		}
	}
	return append(all, one{"has half a character, a lone surrogate", `"a\ud83d"`}, one{"has bytes that are not UTF-8", "\"a\xff\xfe\""},
		one{"has a raw control character", "\"a\x01b\""}, one{"has a raw NUL", "\"a\x00b\""}, one{"has an unknown escape", `"\x41"`})
}

func brokenArray(s *jsonschema.Schema, all []one, random *rand.Rand) ([]one, error) {
	inside, err := edges(s.Items, random)
	if err != nil {
		return nil, err
	}
	list := func(items ...string) string { return "[" + strings.Join(items, ",") + "]" }
	if s.MinItems != nil && *s.MinItems > 0 {
		all = append(all, one{"has too few items", list(manyItems(inside, *s.MinItems-1, s.UniqueItems)...)})
	}
	if s.MaxItems != nil {
		all = append(all, one{"has too many items", list(manyItems(inside, *s.MaxItems+1, s.UniqueItems)...)})
	}
	if s.UniqueItems {
		all = append(all, one{"has an item twice", list(inside[0].value, inside[0].value)})
	}
	wrong, err := broken(s.Items, random)
	for _, b := range wrong {
		all = append(all, one{"has an item that " + b.what, list(inside[0].value, b.value)})
	}
	return all, err
}

func brokenObject(s *jsonschema.Schema, all []one, random *rand.Rand) ([]one, error) {
	usual, err := (&maker{random: random, at: instants[3].at}).object(s)
	if err != nil {
		return nil, err
	}
	for _, name := range properties(s) {
		if slices.Contains(s.Required, name) {
			all = append(all, one{"has no " + name, usual.without(name).String()})
		}
		all = append(all, one{"has " + name + " twice", append(slices.Clone(usual), member{name, usual.get(name)}).String()})
		wrong, err := broken(s.Properties[name], random)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, b := range wrong {
			all = append(all, one{"has a " + name + " that " + b.what, usual.with(name, b.value).String()})
		}
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Not != nil {
		all = append(all, one{"has a member that is not allowed", usual.with("x-unknown", "1").String()})
	}
	return all, nil
}
