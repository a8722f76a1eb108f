package filter

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestCompile_refuses(t *testing.T) {
	const sees = "CESQL sees the attributes of an event only, never its data"
	for spec, want := range map[string]string{
		`{"exact": {"Foo": "x"}}`:                `filters[0].exact: attribute name "Foo" is not a small letter and then small letters and digits; did you mean "foo"?`,
		`{"prefix": {"my-attr": "x"}}`:           `filters[0].prefix: attribute name "my-attr" is not a small letter and then small letters and digits; did you mean "myattr"?`,
		`{"suffix": {"1": "x"}}`:                 `filters[0].suffix: attribute name "1" is not a small letter and then small letters and digits; use the name of an attribute, such as type or subject`,
		`{"exact": {"data.amount": "x"}}`:        `filters[0].exact: attribute name "data.amount" is not a small letter and then small letters and digits; filters see the attributes of an event only, never its data: look at data in the handler`,
		`{}`:                                     `filters[0]: a filter of no dialect; give it one of exact, prefix, suffix, all, any, not, cesql`,
		`{"exact": {"a": "b"}, "cesql": "TRUE"}`: `filters[0]: a filter of 2 dialects: exact, cesql; Knative takes one; make them filters of their own, which must all pass, or put them under all`,
		`{"all": [{"not": {"any": [{}, {"cesql": "-"}]}}]}`: "filters[0].all[0].not.any[0]: a filter of no dialect; give it one of exact, prefix, suffix, all, any, not, cesql\n" +
			`filters[0].all[0].not.any[1].cesql: CESQL "-": it ends too early at character 2; write what is missing, or close the bracket`,
		`{"cesql": "type = com.acme"}`:                            `filters[0].cesql: CESQL "type = com.acme": unexpected "." after "com" at character 11; put text in quotes: 'com.acme'; ` + sees,
		`{"cesql": "data.amount > 10"}`:                           `filters[0].cesql: CESQL "data.amount > 10": unexpected "." after "data" at character 5; ` + sees + `: filter by an attribute, or look at data in the handler`,
		`{"cesql": "source = /shop"}`:                             `filters[0].cesql: CESQL "source = /shop": unexpected "/" at character 10; put text in quotes: '/shop'; ` + sees,
		`{"cesql": "type = 'x"}`:                                  `filters[0].cesql: CESQL "type = 'x": a quote that is not closed at character 8; close it with '`,
		`{"cesql": "type = 'x' 'y'"}`:                             `filters[0].cesql: CESQL "type = 'x' 'y'": unexpected "'" at character 12; put text in quotes, as in type = 'com.acme.created'; ` + sees,
		`{"cesql": "type == 'x'"}`:                                `filters[0].cesql: CESQL "type == 'x'": unexpected "=" at character 7; write one =`,
		`{"cesql": "TRUE && FALSE"}`:                              `filters[0].cesql: CESQL "TRUE && FALSE": unexpected "&" at character 6; write AND or OR`,
		`{"cesql": "(type"}`:                                      `filters[0].cesql: CESQL "(type": it ends too early at character 6; write what is missing, or close the bracket`,
		`{"cesql": "id = '1' AND\n 한 = 1"}`:                       `filters[0].cesql: CESQL "id = '1' AND\n 한 = 1": unexpected "한" at character 2 of line 2; put text in quotes, as in type = 'com.acme.created'; ` + sees,
		`{"cesql": "` + strings.Repeat("(", maxBrackets+1) + `"}`: "filters[0].cesql: CESQL of 65 characters and 65 brackets; keep it to 2000 and 64, or make filters under all or any of it",
		`{"cesql": "count = 99999999999"}`:                        `filters[0].cesql: CESQL "count = 99999999999": strconv.ParseInt: parsing "99999999999": value out of range; a number has at most 32 bits`,
	} {
		var s Spec
		if err := json.Unmarshal([]byte(spec), &s); err != nil {
			t.Fatal(err)
		}
		_, err := Compile([]Spec{s}, nil)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got\n%v\nwant\n%s", spec, err, want)
		}
	}
	if _, err := Compile(nil, map[string]string{"Type": "x"}); err == nil || !strings.HasPrefix(err.Error(), `filter.attributes: attribute name "Type"`) {
		t.Errorf("attributes: got %v", err)
	}
	if _, err := Compile([]Spec{{CESQL: "TRUE"}}, map[string]string{"Type": "x"}); err != nil {
		t.Errorf("attributes that filters outdo are refused: %v", err)
	}
}

// An error leads to the place in the expression.
func TestCompile_place(t *testing.T) {
	_, err := Compile([]Spec{{CESQL: "TRUE"}, {Not: &Spec{CESQL: "id = '1' AND\ntype = a.b"}}}, nil)
	var found Errors
	if !errors.As(err, &found) || len(found) != 1 || found[0].Line != 2 || found[0].Column != 9 || Field(found[0].Path) != "filters[1].not.cesql" {
		t.Errorf("got %+v", err)
	}
}

// Filters come back from JSON as they went, with a list of nothing still a list.
func TestSpec_json(t *testing.T) {
	const text = `[{"exact":{"a":"b"}},{"all":[]},{"any":[{"not":{"cesql":"TRUE"}}]},{"prefix":{}},{"suffix":{"a":""}}]`
	var specs []Spec
	if err := json.Unmarshal([]byte(text), &specs); err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(specs); err != nil || string(got) != text {
		t.Errorf("got %s, %v", got, err)
	}
}

// What would take the parser minutes, or its stack, is answered within the time that a run of tests has.
func TestCompile_hostile(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("(", maxBrackets), strings.Repeat("(", 1<<20), strings.Repeat("NOT ", 400) + "a", strings.Repeat("-", maxExpression-1) + "a",
		strings.Repeat("a=", 990) + "a", strings.Repeat("a AND ", 330) + "a", strings.Repeat("F(", maxBrackets) + "a" + strings.Repeat(")", maxBrackets),
		strings.Repeat("a IN (", maxBrackets) + "a" + strings.Repeat(")", maxBrackets), strings.Repeat("''", 900), strings.Repeat("\x00", 1000), "\xff = 'x'",
	} {
		began := time.Now()
		if f, err := Compile([]Spec{{CESQL: text}}, nil); err == nil {
			f.Match(created)
		}
		if took := time.Since(began); took > time.Second {
			t.Logf("%.40s: took %v", text, took)
		}
	}
}

// The library prints what it can not read. Nothing of it may reach a terminal.
func TestCompile_quiet(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = write, write
	for _, text := range []string{"type = com.acme", "data.amount > 10", "$", "'", "type = 'x' AND", "a LIKE b"} {
		_, err = Compile([]Spec{{CESQL: text}}, nil)
	}
	os.Stdout, os.Stderr = stdout, stderr
	write.Close()
	if err == nil {
		t.Error("nothing was refused")
	}
	if said, _ := io.ReadAll(read); len(said) > 0 {
		t.Errorf("it prints %q", said)
	}
}

// FuzzMatch wants an answer to any filters on any event, and a reason for each no.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{
		`[{"exact":{"type":"a"}}]`, `[{"all":[{"any":[{"prefix":{"source":"/"}}]},{"not":{"suffix":{"subject":"x"}}}]}]`,
		`[{"cesql":"type = 'a' AND (EXISTS x OR LENGTH(id) > 3) XOR time LIKE '%Z'"}]`, `[{"cesql":"SUBSTRING(type, 5, -1)"}]`,
		`[{"cesql":"type = com.acme"}]`, `[{"cesql":"data.amount > 10"}]`, `[{"cesql":"x IN (1, -'2', \"a\\\"\")"}]`,
	} {
		f.Add([]byte(seed), "x", "value", "2026-01-02T03:04:05Z")
	}
	f.Fuzz(func(t *testing.T, text []byte, name, value, time string) {
		var specs []Spec
		if json.Unmarshal(text, &specs) != nil {
			return
		}
		compiled, err := Compile(specs, nil)
		if (compiled == nil) == (err == nil) {
			t.Fatalf("neither or both of a filter and an error: %v", err)
		}
		if err != nil {
			if !errors.As(err, new(Errors)) {
				t.Errorf("%T is not Errors", err)
			}
			return
		}
		attributes := map[string]string{"specversion": "1.0", "id": value, "type": value, "source": value, "time": time, name: value}
		pass, why := compiled.Match(attributes)
		if pass != (why == "") {
			t.Errorf("%s: %t, %q", text, pass, why)
		}
		if again, _ := compiled.Match(attributes); again != pass {
			t.Errorf("%s: %t, then %t", text, pass, again)
		}
	})
}
