package gen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/jsonschema-go/jsonschema"
)

// one is a value for a case, and what the case is about.
type one struct{ what, value string }

// scripts are texts that programs get wrong, to be repeated up to a length:
// characters of one to four bytes, ones of several code points, right to left.
var scripts = []struct{ name, text string }{
	{"ASCII", "a"},
	{"Hangul", "솜"},
	{"Hangul in parts", "\u1109\u1169\u11b7"},
	{"emoji", "🎸"},
	{"emoji joined", "👩\u200d🎤"},
	{"combining", "e\u0301"},
	{"right to left", "שלום "},
	{"markup", `<b>"';&\`},
}

// instants are times at which programs go wrong.
var instants = []struct {
	name string
	at   time.Time
}{
	{"year 1900", time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
	{"epoch", time.Unix(0, 0)},
	{"before the epoch", time.UnixMilli(-1)},
	{"leap day", time.Date(2024, 2, 29, 23, 59, 59, 999e6, time.UTC)},
	{"beyond 32 bits", time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC)},
	{"year 9999", time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)},
}

// edges are the values at the limits of a schema, the lowest first.
func edges(s *jsonschema.Schema, random *rand.Rand) ([]one, error) {
	if s.Const != nil {
		return []one{{"constant", marshal(*s.Const)}}, nil
	}
	if len(s.Enum) > 0 {
		var all []one
		for _, v := range s.Enum {
			all = append(all, one{"value " + marshal(v), marshal(v)})
		}
		return all, nil
	}
	switch kind(s) {
	case "object":
		return objectEdges(s, random)
	case "array":
		return arrayEdges(s, random)
	case "integer", "number":
		least, most := limits(s)
		return []one{{fmt.Sprintf("least, %d", least), fmt.Sprint(least)}, {fmt.Sprintf("most, %d", most), fmt.Sprint(most)}}, nil
	case "boolean":
		return []one{{"false", "false"}, {"true", "true"}}, nil
	case "string":
		return textEdges(s, random)
	}
	return []one{{"null", "null"}}, nil
}

func textEdges(s *jsonschema.Schema, random *rand.Rand) ([]one, error) {
	var all []one
	switch {
	case s.Format == "date-time":
		for _, i := range instants {
			text, err := timeText(s, i.at, random)
			if err != nil {
				return nil, err
			}
			all = append(all, one{i.name, quote(text)})
		}
	case s.Pattern != "":
		for _, of := range []size{shortest, longest} {
			text, err := fitting(s, of, random)
			if err != nil {
				return nil, err
			}
			all = append(all, one{fmt.Sprintf("%d characters by its pattern", len([]rune(text))), quote(text)})
		}
	default:
		least, most := bounds(s.MinLength, s.MaxLength, 200)
		for _, length := range slices.Compact([]int{least, most}) {
			for _, script := range scripts {
				all = append(all, one{fmt.Sprintf("%d of %s", length, script.name), quote(filled(script.text, length))})
			}
		}
	}
	return all, nil
}

// objectEdges are an object with all at its least, one with all at its most,
// and each property at each of its limits with the others plausible.
func objectEdges(s *jsonschema.Schema, random *rand.Rand) ([]one, error) {
	m := &maker{random: random, at: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	usual, err := m.object(s)
	if err != nil {
		return nil, err
	}
	least, most, required := usual, usual, usual
	var all []one
	for _, name := range properties(s) {
		of, err := edges(s.Properties[name], random)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, e := range of {
			all = append(all, one{name + ": " + e.what, usual.with(name, e.value).String()})
		}
		least, most = least.with(name, of[0].value), most.with(name, of[len(of)-1].value)
		if !slices.Contains(s.Required, name) {
			required = required.without(name)
		}
	}
	all = append([]one{{"all at their least", least.String()}, {"all at their most", most.String()}}, all...)
	if len(required) < len(usual) {
		all = append(all, one{"only what is required", required.String()})
	}
	if s.AdditionalProperties == nil || s.AdditionalProperties.Not == nil {
		all = append(all, one{"a member that nobody knows", usual.with("x-unknown", `{"더":[null,1.5,""]}`).String()})
	}
	return all, nil
}
