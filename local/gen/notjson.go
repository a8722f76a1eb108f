package gen

import (
	"slices"
	"strings"
)

// brokenJSON are bytes that are no JSON event at all, or too much of one.
func brokenJSON(e object) []one {
	whole := e.String()
	deep := func(n int) string {
		return e.with("data", `{"deep":`+strings.Repeat("[", n)+strings.Repeat("]", n)+"}").String()
	}
	return []one{
		{"data is missing", e.without("data").String()},
		{"data is there twice", append(slices.Clone(e), member{"data", e.get("data")}).String()},
		{"is no JSON but words", "not an event"},
		{"is no JSON but a form", "talentId=1&title=a"},
		{"is no JSON but XML", `<event id="1"/>`},
		{"is cut short", whole[:len(whole)*2/3]},
		{"has text after its end", whole + "x"},
		{"is two events in one", whole + whole},
		{"has a comma too many", strings.TrimSuffix(whole, "}") + ",}"},
		{"has a comment", strings.TrimSuffix(whole, "}") + "/* */}"},
		{"has single quotes", strings.ReplaceAll(whole, `"`, "'")},
		{"has a byte order mark", "\ufeff" + whole},
		{"is a batch", "[" + whole + "]"},
		{"is null", "null"},
		{"is a string", quote(whole)},
		{"is an empty object", "{}"},
		{"is nested 20,000 deep", deep(20_000)},
		{"is larger than 64 KiB", e.with("x", quote(strings.Repeat("x", mostBytes))).String()},
		{"is larger than 64 KiB in its data", e.with("data", strings.TrimSuffix(e.get("data"), "}")+`,"more":`+quote(strings.Repeat("솜", mostBytes/3))+"}").String()},
	}
}
