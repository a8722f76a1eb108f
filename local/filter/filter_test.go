package filter

import (
	"maps"
	"strings"
	"sync"
	"testing"
)

// created is an event as the source tells of it.
var created = map[string]string{
	"specversion": "1.0", "id": "1", "type": "order.updated", "source": "/shop/eu",
	"time": "2026-01-02T03:04:05.12+01:00", "knativekafkapartition": "0", "count": "5",
}

func TestMatch(t *testing.T) {
	is := func(name, value string) Spec { return Spec{Exact: map[string]string{name: value}} }
	sql := func(text string) Spec { return Spec{CESQL: text} }
	for name, tc := range map[string]struct {
		filters    []Spec
		attributes map[string]string // of the Trigger
		why        string            // empty: passes
	}{
		"neither":                        {},
		"no filters, attributes":         {filters: []Spec{}, attributes: map[string]string{"type": "order.created"}, why: `exact type = "order.created": got "order.updated"`},
		"filters alone decide":           {filters: []Spec{is("type", "order.updated")}, attributes: map[string]string{"type": "order.created"}},
		"attributes that match":          {attributes: map[string]string{"type": "order.updated", "source": "/shop/eu"}},
		"exact":                          {filters: []Spec{is("type", "order.created")}, why: `exact type = "order.created": got "order.updated"`},
		"exact, case":                    {filters: []Spec{is("type", "Order.updated")}, why: `exact type = "Order.updated": got "order.updated"`},
		"exact, all pairs":               {filters: []Spec{{Exact: map[string]string{"type": "order.updated", "id": "2"}}}, why: `exact id = "2": got "1"`},
		"exact, empty matches any":       {filters: []Spec{is("type", "")}},
		"exact, empty matches missing":   {filters: []Spec{is("region", "")}},
		"exact, missing extension":       {filters: []Spec{is("region", "eu")}, why: `exact region = "eu": the event has no region`},
		"exact, missing subject":         {filters: []Spec{is("subject", "s")}, why: `exact subject = "s": the event has no subject`},
		"exact, missing content type":    {filters: []Spec{is("datacontenttype", "s")}, why: `exact datacontenttype = "s": the event has no datacontenttype`},
		"exact, specversion":             {filters: []Spec{is("specversion", "1.0")}},
		"exact, partition":               {filters: []Spec{is("knativekafkapartition", "0")}},
		"exact, time is an instant":      {filters: []Spec{is("time", "2026-01-02T02:04:05.120Z")}},
		"exact, time is not its text":    {filters: []Spec{is("time", "2026-01-02T03:04:05.12+01:00")}, why: `exact time = "2026-01-02T03:04:05.12+01:00": got "2026-01-02T02:04:05.120Z"`},
		"prefix":                         {filters: []Spec{{Prefix: map[string]string{"source": "/shop"}}}},
		"prefix, not":                    {filters: []Spec{{Prefix: map[string]string{"source": "/mail"}}}, why: `prefix source = "/mail": got "/shop/eu"`},
		"prefix, missing":                {filters: []Spec{{Prefix: map[string]string{"subject": "a"}}}, why: `prefix subject = "a": the event has no subject`},
		"suffix":                         {filters: []Spec{{Suffix: map[string]string{"source": "/eu"}}}},
		"suffix, not":                    {filters: []Spec{{Suffix: map[string]string{"source": "/us"}}}, why: `suffix source = "/us": got "/shop/eu"`},
		"suffix, missing below not":      {filters: []Spec{{Not: &Spec{Suffix: map[string]string{"subject": "a"}}}}},
		"several are all":                {filters: []Spec{is("id", "1"), is("type", "a"), is("id", "2")}, why: `filters[1]: exact type = "a": got "order.updated"`},
		"all":                            {filters: []Spec{{All: []Spec{is("id", "1"), is("id", "2")}}}, why: `all[1]: exact id = "2": got "1"`},
		"all of nothing":                 {filters: []Spec{{All: []Spec{}}}},
		"any":                            {filters: []Spec{{Any: []Spec{is("id", "2"), is("id", "1")}}}},
		"any, none":                      {filters: []Spec{{Any: []Spec{is("id", "2"), is("type", "a")}}}, why: `any[0]: exact id = "2": got "1"; any[1]: exact type = "a": got "order.updated"`},
		"any, many":                      {filters: []Spec{{Any: []Spec{is("id", "2"), is("id", "3"), is("id", "4"), is("id", "5"), is("id", "6")}}}, why: `any[0]: exact id = "2": got "1"; any[1]: exact id = "3": got "1"; any[2]: exact id = "4": got "1"; any[3]: exact id = "5": got "1"; and 1 more`},
		"any of nothing":                 {filters: []Spec{{Any: []Spec{}}}, why: "any of nothing never holds"},
		"not":                            {filters: []Spec{{Not: &Spec{Exact: map[string]string{"id": "1", "type": "order.updated"}}}}, why: `not: exact id = "1" and exact type = "order.updated" holds`},
		"not any":                        {filters: []Spec{{Not: &Spec{Any: []Spec{is("id", "2"), is("id", "1")}}}}, why: `not: any[1]: exact id = "1" holds`},
		"not all":                        {filters: []Spec{{Not: &Spec{All: []Spec{is("id", "1")}}}}, why: `not: all of 1 hold`},
		"not not":                        {filters: []Spec{{Not: &Spec{Not: &Spec{Exact: map[string]string{"id": "2"}}}}}, why: `not: not: exact id = "2": got "1"`},
		"not nothing":                    {filters: []Spec{{Not: &Spec{Exact: map[string]string{"id": ""}}}}, why: "not: exact of nothing holds"},
		"nested":                         {filters: []Spec{is("id", "1"), {All: []Spec{{Any: []Spec{is("id", "2")}}}}}, why: `filters[1]: all[0]: any[0]: exact id = "2": got "1"`},
		"cesql":                          {filters: []Spec{sql("type = 'order.updated' AND count > 4")}},
		"cesql, false":                   {filters: []Spec{sql("type = 'x' AND EXISTS region")}, why: `cesql "type = 'x' AND EXISTS region" is false: type = "order.updated", region is missing`},
		"cesql, names in any case":       {filters: []Spec{sql("Type = 'x' or TYPE = 'y'")}, why: `cesql "Type = 'x' or TYPE = 'y'" is false: type = "order.updated"`},
		"cesql, text is cast":            {filters: []Spec{sql("'TRUE'")}},
		"cesql, number is cast":          {filters: []Spec{sql("1")}},
		"cesql, zero is cast":            {filters: []Spec{sql("0")}, why: `cesql "0" is false: it looks at no attribute`},
		"cesql, no boolean":              {filters: []Spec{sql("type")}, why: `cesql "type" is false: type = "order.updated", cast error: cannot cast String to Boolean, actual value: order.updated`},
		"cesql, missing":                 {filters: []Spec{sql("region != 'eu'")}, why: `cesql "region != 'eu'" is false: region is missing`},
		"cesql, missing or":              {filters: []Spec{sql("NOT (region = 'eu' OR id = '2') OR region = 'eu' OR id = '1'")}},
		"cesql, missing below not":       {filters: []Spec{sql("NOT (region = 'eu')")}, why: `cesql "NOT (region = 'eu')" is false: region is missing`},
		"cesql, xor":                     {filters: []Spec{sql("(id = '1') XOR (id = '2')")}},
		"cesql, error":                   {filters: []Spec{sql("1 / 0 = 0")}, why: `cesql "1 / 0 = 0" is false: math error: division by zero`},
		"cesql, unknown function":        {filters: []Spec{sql("FOO(id)")}, why: `cesql "FOO(id)" is false: id = "1", missing function error: FOO`},
		"cesql, panic":                   {filters: []Spec{sql("SUBSTRING(type, 5, -1) = 'x'")}, why: `cesql "SUBSTRING(type, 5, -1) = 'x'" is false: type = "order.updated", the expression can not be evaluated: runtime error: slice bounds out of range [4:3]`},
		"cesql, data":                    {filters: []Spec{sql("data = 'x'")}, why: `cesql "data = 'x'" is false: data is never seen, CESQL sees attributes only`},
		"cesql, time":                    {filters: []Spec{sql("time LIKE '2026-%'")}},
		"cesql below not":                {filters: []Spec{{Not: &Spec{CESQL: "id = '1'"}}}, why: `not: cesql "id = '1'" is true: id = "1"`},
		"the values of an event are cut": {filters: []Spec{is("long", "a")}, why: `exact long = "a": got "` + long[:120] + `…"`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := Compile(tc.filters, tc.attributes)
			if err != nil {
				t.Fatal(err)
			}
			attributes := maps.Clone(created)
			attributes["long"] = long
			pass, why := f.Match(attributes)
			if why != tc.why || pass != (tc.why == "") {
				t.Errorf("got %t, %s\nwant %s", pass, why, tc.why)
			}
		})
	}
}

var long = strings.Repeat("x", 200)

// An event of specversion 0.3 is filtered like any other, and its schemaurl under either name.
func TestMatch_version_03(t *testing.T) {
	attributes := map[string]string{"specversion": "0.3", "id": "1", "type": "a", "source": "/b", "schemaurl": "http://s"}
	for _, s := range []Spec{
		{Exact: map[string]string{"specversion": "0.3", "dataschema": "http://s", "schemaurl": "http://s"}},
		{CESQL: "specversion = '0.3' AND dataschema = 'http://s' AND id = '1' AND source = '/b'"},
	} {
		f, err := Compile([]Spec{s}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if pass, why := f.Match(attributes); !pass {
			t.Error(why)
		}
	}
}

func TestInstant(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-02T03:04:05Z":           "2026-01-02T03:04:05Z",
		"2026-01-02T03:04:05+01:00":      "2026-01-02T02:04:05Z",
		"2026-01-02T03:04:05.1Z":         "2026-01-02T03:04:05.100Z",
		"2026-01-02T03:04:05.1234Z":      "2026-01-02T03:04:05.123400Z",
		"2026-01-02T03:04:05.123456789Z": "2026-01-02T03:04:05.123456789Z",
		"yesterday":                      "yesterday",
	} {
		if got := instant(text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// Many goroutines share one filter, while others are compiled.
func TestMatch_concurrent(t *testing.T) {
	specs := []Spec{{CESQL: "type = 'order.updated' OR EXISTS region"}, {Not: &Spec{Prefix: map[string]string{"source": "/mail"}}}}
	f, err := Compile(specs, nil)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range 20 {
				text := strings.Repeat("NOT ", n) + "(a = 'b' OR c < 4) AND EXISTS d XOR e LIKE 'f%'"
				if _, err := Compile([]Spec{{CESQL: text}}, nil); err != nil {
					t.Error(err)
				}
			}
			for range 200 {
				if pass, why := f.Match(created); !pass {
					t.Error(why)
				}
				if _, why := f.Match(map[string]string{"id": "1"}); why == "" {
					t.Error("an event without type passes")
				}
			}
		})
	}
	wg.Wait()
}
