package gen

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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

// plausible are texts that people would write, by the name of the property.
var plausible = map[string][]string{
	"title":    {"기타 레슨", "주말 목공 수업", "Logo design", "한국어 과외", "Sourdough for beginners", "피아노 조율", "Yoga at sunrise 🧘", "영상 편집", "Trail running coach", "로고 디자인"},
	"category": {"music", "design", "language", "cooking", "sports", "crafts", "coding"},
	"tag":      {"beginner", "weekend", "online", "서울", "1:1", "초보 환영", "evening", "kids"},
}

// earlier are the properties that tell of a time before the event.
var earlier = regexp.MustCompile(`(?i)registered|created|began|was`)

func (m *maker) text(s *jsonschema.Schema, name string) (string, error) {
	if s.Format == "date-time" {
		at := m.at
		if earlier.MatchString(name) {
			at = at.Add(-time.Duration(1+m.random.IntN(30*24)) * time.Hour)
		}
		return timeText(s, at, m.random)
	}
	if texts := plausible[name]; texts != nil {
		if text := texts[m.random.IntN(len(texts))]; fits(s, text) {
			return text, nil
		}
	}
	if s.Pattern != "" {
		return fitting(s, anyLength, m.random)
	}
	least, most := bounds(s.MinLength, s.MaxLength, 24)
	length := least + m.random.IntN(min(most-least, 24)+1)
	return filled("솜씨 talent ", length), nil
}

// fits reports whether a schema of strings allows text.
func fits(s *jsonschema.Schema, text string) bool {
	n := utf8.RuneCountInString(text)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return false
	}
	matched, err := regexp.MatchString(s.Pattern, text)
	return err == nil && matched
}

// fitting is a text for the schema's pattern that its other rules allow too.
func fitting(s *jsonschema.Schema, of size, random *rand.Rand) (string, error) {
	for unbounded := 16; unbounded >= 0; unbounded-- { // where it is too long, shorter
		for range 5 {
			text, err := fromPattern(s.Pattern, of, unbounded, random)
			if err != nil {
				return "", err
			}
			if fits(s, text) {
				return text, nil
			}
		}
	}
	return "", fmt.Errorf("no text found that the pattern %s and the other rules allow", s.Pattern)
}

// timeText writes a time as the schema's pattern has it.
func timeText(s *jsonschema.Schema, at time.Time, random *rand.Rand) (string, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.000Z", time.RFC3339, "2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.000Z07:00"} {
		if text := at.UTC().Format(layout); fits(s, text) {
			return text, nil
		}
	}
	return fitting(s, anyLength, random)
}

// filled is pattern again and again, cut to a length in characters.
func filled(pattern string, length int) string {
	runes := []rune(strings.Repeat(pattern, length/max(1, utf8.RuneCountInString(pattern))+1))
	return string(runes[:length])
}
