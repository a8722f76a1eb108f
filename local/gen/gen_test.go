package gen

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
)

const folder = "../../infra/schemas"

func load(t *testing.T, folder, typ string) *Schema {
	t.Helper()
	s, err := Load(folder, typ)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func each(t *testing.T, test func(t *testing.T, s *Schema)) {
	t.Helper()
	types, err := Types(folder)
	if err != nil || len(types) < 3 {
		t.Fatal(types, err)
	}
	for _, typ := range types {
		t.Run(typ, func(t *testing.T) { test(t, load(t, folder, typ)) })
	}
}

// Judged by the SDK and by the validator of schemas themselves, without Check.
func TestMake_valid_and_edge_events_are_what_the_schema_allows(t *testing.T) {
	each(t, func(t *testing.T, s *Schema) {
		for _, kind := range []string{Valid, Edge} {
			events, err := s.Make(kind, 300, 7)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			for _, made := range events {
				var e event.Event
				if err := e.UnmarshalJSON([]byte(made.Text)); err != nil {
					t.Fatalf("%s: %v\n%s", made.Case, err, made.Text)
				}
				if err := e.Validate(); err != nil {
					t.Errorf("%s: %v", made.Case, err)
				}
				var data any
				if err := json.Unmarshal(e.Data(), &data); err != nil {
					t.Errorf("%s: %v", made.Case, err)
				}
				if err := s.resolved.Validate(data); err != nil {
					t.Errorf("%s: %v", made.Case, err)
				}
				if strings.Contains(made.Text, "\n") || !utf8.ValidString(made.Text) {
					t.Errorf("%s: more than one line, or not UTF-8", made.Case)
				}
				if id, err := uuid.Parse(e.ID()); kind == Valid && (err != nil || id.Version() != 7) {
					t.Errorf("id %s is no UUIDv7 (%v)", e.ID(), err)
				}
				ids[e.ID()] = true
			}
			if kind == Valid && len(ids) != 300 {
				t.Errorf("%d ids of 300 events", len(ids))
			}
		}
	})
}

func TestMake_hostile_events_are_refused(t *testing.T) {
	each(t, func(t *testing.T, s *Schema) {
		events, err := s.Make(Hostile, 0, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, made := range events {
			if err := s.Check([]byte(made.Text)); err == nil {
				t.Errorf("%s: nothing is wrong with %.200s", made.Case, made.Text)
			}
			if strings.Contains(made.Text, "\n") {
				t.Errorf("%s: is more than one line", made.Case)
			}
		}
	})
}

// What a reader of the cases must find among them.
func TestMake_has_the_cases(t *testing.T) {
	s := load(t, folder, "somssi.talent.changed.v1")
	for kind, wanted := range map[string][]string{
		Edge: {
			"data, title: 120 of Hangul", "data, title: 120 of emoji", "data, title: 1 of combining", "data, tags: 0 items", "data, tags: 10 items",
			"data, talentId: most, 9007199254740991", "data, priceKrw: least, 0", "data, at: year 9999", "data, category: 64 characters by its pattern",
			"data, all at their least", "data, was: title: 120 of emoji joined", "data, a member that nobody knows", "subject: absent", "id: 128 bytes",
		},
		Hostile: {
			"data has no talentId", "data has a talentId that is of type string", "data has a talentId that is below its minimum", "data has a talentId that has a fraction",
			"data has talentId twice", "data has a title that is longer than its most length", "data has a title that is shorter than its least length",
			"data has a tags that has an item twice", "data has a tags that has too many items", "data has a was that has no priceKrw",
			"data has a at that is no time, 2026-02-30T00:00:00.000Z", "data is of type array", "id has a control character", "id is there twice",
			"specversion is 0.3", "is nested 20,000 deep", "is larger than 64 KiB", "is no JSON but words", "is cut short", "data is missing",
		},
	} {
		events, err := s.Make(kind, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		var cases []string
		for _, made := range events {
			cases = append(cases, made.Case)
		}
		for _, want := range wanted {
			if !slices.Contains(cases, want) {
				t.Errorf("%s has no %q; it has\n%s", kind, want, strings.Join(cases, "\n"))
			}
		}
	}
}

func TestMake_same_seed_same_bytes(t *testing.T) {
	each(t, func(t *testing.T, s *Schema) {
		for _, kind := range []string{Valid, Edge, Hostile} {
			first, err := s.Make(kind, 20, 42)
			if err != nil {
				t.Fatal(err)
			}
			again, _ := s.Make(kind, 20, 42)
			more, _ := s.Make(kind, 40, 42)
			other, _ := s.Make(kind, 20, 43)
			if !slices.Equal(first, again) || !slices.Equal(first, more[:20]) || slices.Equal(first, other) {
				t.Errorf("%s: not a matter of the seed alone", kind)
			}
		}
	})
}

// What our own schemas do not have, and others may.
func TestMake_of_another_schema(t *testing.T) {
	own := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(own, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.b.c.v1", `{"type":"object","required":["bId","kind","ok","days"],"additionalProperties":false,"properties":{
		"bId":{"type":"string","pattern":"^(x|y)[0-9]+(-z)?$","maxLength":12},"kind":{"enum":["p","q",3]},"v":{"const":1},"ok":{"type":"boolean"},
		"days":{"type":"array","minItems":2,"uniqueItems":true,"items":{"type":"string","minLength":3}},
		"when":{"type":"string","format":"date-time"},"ratio":{"type":"number","minimum":0.5}}}`)
	s := load(t, own, "a.b.c.v1")
	for _, kind := range []string{Valid, Edge, Hostile} {
		if _, err := s.Make(kind, 400, 3); err != nil { // each is checked
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		`{"type":"object","allOf":[]}`:                          "keyword allOf",
		`{"type":"object","properties":{"a":{"$ref":"#"}}}`:     "keyword $ref",
		`{"type":"array","items":{}}`:                           "not object",
		`{"type":"object","properties":{"a":{"pattern":"("}}} `: "error parsing",
	} {
		write("bad", name)
		if _, err := Load(own, "bad"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if _, err := Load(own, "../own/a.b.c.v1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a path: %v", err)
	}
}
