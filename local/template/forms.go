package template

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// form is what a word must look like.
type form struct {
	pattern *regexp.Regexp
	most    int // characters
	rule    string
	says    string
}

// forms are those that the tags "is" and "keys" name.
var forms = map[string]form{
	"function": {regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`), 63, ruleFunction, "a verb and a noun in small letters, such as update-stats, of at most 63 characters"},
	"kafka":    {regexp.MustCompile(`^\.*[a-zA-Z0-9_-][a-zA-Z0-9._-]*$`), 249, ruleKafkaName, "letters, digits, '.', '_' and '-', at most 249, and not only dots"},
	"label":    {regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`), 63, ruleName, "small letters, digits and '-' between them, at most 63"},
	"variable": {regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`), 255, ruleName, "letters, digits and '_', not a digit first"},
	// A name that is wrong is reported with all else that is wrong with its filter.
	"attribute": {regexp.MustCompile(`^[a-z][a-z0-9]*$`), 1 << 10, ruleFilter, "small letters and digits, a letter first"},
	"memory":    {regexp.MustCompile(`^[1-9][0-9]{0,4}Mi$`), 7, ruleNumber, "whole Mi, such as 64Mi"},
	"image":     {regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9._:/-]*\{function\}(:(\{version\}|[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?$`), 400, ruleName, "an image with {function} in it, such as registry.example/somssi/{function}:{version}"},
	"secret":    {regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(-\{function\})?$`), 200, ruleName, "the name of a Secret, such as somssi, or somssi-{function} for one each"},
	"server":    {regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?:[1-9][0-9]{0,4}$`), 255, ruleName, "a host:port, such as kafka-bootstrap:9092"},
	"issuer":    {regexp.MustCompile(`^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[1-9][0-9]{0,4})?(/[A-Za-z0-9._~-]+)*$`), 255, ruleName, "an https URL without a slash at its end, such as https://kubernetes.default.svc.cluster.local"},
	"service":   {regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`), 127, ruleName, "service.namespace, such as kourier-internal.kourier-system"},
	"host":      {regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`), 253, ruleName, "a host in small letters, such as somssi.example"},
	"cpu":       {regexp.MustCompile(`^[1-9][0-9]{0,4}m?$`), 8, ruleName, "processors, such as 250m or 1"},
	"path":      {regexp.MustCompile(`^(/|(/\.{0,2}[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)$`), 255, rulePath, "a path such as /talents: a slash first, none last, no patterns"},
}

func (f form) fits(word string) bool {
	return len(word) <= f.most && f.pattern.MatchString(word)
}

// check reports a word that is not of its form.
func (f form) check(r *report, at place, what, word string) {
	if !f.fits(word) {
		r.add(at, f.rule, fmt.Sprintf("%s %q", what, clip(word)), "use "+f.says)
	}
}

// field is what the tags of a struct's field say.
type field struct {
	index    int
	key      string
	about    string
	required bool
	enum     []string
	min      int
	is, keys string
}

// fields lists the keys of a mapping that is read into t.
func fields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("json"), ",")
		f := field{index: i, key: key, about: tag.Get("about"), is: tag.Get("is"), keys: tag.Get("keys")}
		_, f.required = tag.Lookup("required")
		f.min, _ = strconv.Atoi(tag.Get("min"))
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		all = append(all, f)
	}
	return all
}

func keys(fs []field) []string {
	var all []string
	for _, f := range fs {
		all = append(all, f.key)
	}
	return all
}

// didYouMean is the fix for a word that is none of those known.
func didYouMean(word string, known []string, otherwise string) string {
	best, least := "", len(word)/3+2
	if len(word) < 3 {
		least = 1 // any two such words are near each other
	}
	for _, k := range known[:min(len(known), 200)] { // beyond that a search is slow and its luck poor
		if d := distance(strings.ToLower(word), strings.ToLower(k), least); d < least {
			best, least = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %q?", best)
	case len(known) == 0:
		return otherwise + "none"
	case len(known) > 12:
		known = append(slices.Clone(known[:12]), "…")
	}
	return otherwise + strings.Join(known, ", ")
}

// distance counts the letters to add, remove or change to make b of a; most if it is that or more.
func distance(a, b string, most int) int {
	if len(a) > 64 || len(b) > 64 || len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
