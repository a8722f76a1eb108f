package gen

import (
	"fmt"
	"slices"
	"strings"
)

// brokenAttributes are events whose data is right and that are no CloudEvents,
// or not ones that functions take.
func brokenAttributes(e object) (all []one) {
	set := func(what, name, value string) { all = append(all, one{what, e.with(name, value).String()}) }
	for _, name := range []string{"specversion", "id", "source", "type"} {
		all = append(all, one{name + " is missing", e.without(name).String()})
		set(name+" is empty", name, `""`)
		set(name+" is null", name, "null")
		set(name+" is a number", name, "7")
		set(name+" is a list", name, `["a"]`)
		set(name+" has a control character", name, `"a\u0000b"`)
		set(name+" breaks the line of a header", name, `"a\r\nce-id: b"`)
		all = append(all, one{name + " is there twice", append(slices.Clone(e), member{name, e.get(name)}).String()})
	}
	set("specversion is 0.3", "specversion", `"0.3"`)
	set("specversion is 2.0", "specversion", `"2.0"`)
	set("id is longer than 128 bytes", "id", quote(strings.Repeat("i", mostID+1)))
	set("source is no URI reference", "source", `"http://[::1"`)
	set("source is longer than 512 bytes", "source", quote(strings.Repeat("/", mostSource+1)))
	set("type is another", "type", `"somssi.nobody.knows.v1"`)
	set("subject is empty", "subject", `""`)
	set("subject is longer than 256 bytes", "subject", quote(strings.Repeat("s", mostSubject+1)))
	set("time is no time", "time", `"yesterday"`)
	set("time has no zone", "time", `"2026-01-01T00:00:00"`)
	set("time is a number", "time", "1767225600")
	set("time is in the year 0", "time", `"0000-01-01T00:00:00Z"`)
	set("datacontenttype is none", "datacontenttype", `";;"`)
	set("dataschema is relative", "dataschema", `"/schemas/a.json"`)
	set("an extension has a name in capitals", "PartitionKey", `"1"`)
	set("an extension has a name with a dash", "my-ext", `"1"`)
	set("an extension has no name", "", `"1"`)
	set("an extension is an object", "x", `{}`)
	set("an extension has a fraction", "x", "1.5")
	set("an extension is an integer of more than 32 bits", "x", "2147483648")
	set("an extension has a control character", "x", `"a\u001b[31m"`)
	set("both data and data_base64", "data_base64", `"e30="`)
	most := e
	for n := range mostExtensions {
		most = most.with(fmt.Sprintf("x%d", n), `"x"`)
	}
	return append(all, one{"more than 32 extensions", most.String()})
}

// attributeEdges are events whose attributes are at their limits.
func attributeEdges(e object) (all []one) {
	add := func(what string, event object) { all = append(all, one{what, event.String()}) }
	add("id: 1 byte", e.with("id", `"a"`))
	add("id: 128 bytes", e.with("id", quote(strings.Repeat("i", mostID))))
	add("id: percent signs and quotes", e.with("id", quote(`%0a"\'`)))
	add("source: 512 bytes", e.with("source", quote("/"+strings.Repeat("s", mostSource-1))))
	add("subject: absent", e.without("subject"))
	add("subject: 255 bytes of Hangul", e.with("subject", quote(strings.Repeat("솜", mostSubject/3))))
	add("time: absent", e.without("time"))
	add("time: year 1900", e.with("time", `"1900-01-01T00:00:00Z"`))
	add("time: year 9999", e.with("time", `"9999-12-31T23:59:59.999999999Z"`))
	add("time: another zone", e.with("time", `"2026-03-01T08:59:59+18:00"`))
	add("datacontenttype: absent", e.without("datacontenttype"))
	add("datacontenttype: with a charset", e.with("datacontenttype", `"application/json; charset=UTF-8"`))
	add("dataschema: absent", e.without("dataschema"))
	add("partitionkey: absent", e.without("partitionkey"))
	add("traceparent: absent", e.without("traceparent"))
	add("extensions: of each type", e.with("a", "true").with("b", "-2147483648").with("c", `"true"`))
	most := e
	for n := 0; n < mostExtensions-2-2; n++ { // room for the two that a source adds
		most = most.with(fmt.Sprintf("x%d", n), `"x"`)
	}
	add("extensions: as many as there may be", most)
	reversed := slices.Clone(e)
	slices.Reverse(reversed)
	add("members: in reverse", reversed)
	return all
}
