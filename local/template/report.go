package template

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"somssi/local/filter"
)

// place is a position in the file, both from 1; Col counts characters.
type place struct{ line, col int }

// report gathers problems. The same problem is kept once, because the file is checked once by itself
// and once more with each environment.
type report struct {
	file  string
	text  []byte
	lines [][]rune // once for all problems, which may be many in one long line
	seen  map[string]bool
	found Problems

	compiled map[string]filter.Errors // what is wrong with filters, by their JSON
}

func newReport(file string, text []byte) *report {
	// Some editors begin a file with a byte order mark, or end lines as their system does.
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	r := &report{file: file, text: text, seen: map[string]bool{}, compiled: map[string]filter.Errors{}}
	for line := range strings.SplitSeq(string(text), "\n") {
		r.lines = append(r.lines, []rune(line))
	}
	return r
}

// add notes an error at a place. What and fix may hold words of the file, so they are made fit to print.
func (r *report) add(at place, rule, what, fix string) { r.note(at, LevelError, rule, what, fix) }

// warn notes what is legal and bites.
func (r *report) warn(at place, rule, what, fix string) { r.note(at, LevelWarning, rule, what, fix) }

func (r *report) note(at place, level, rule, what, fix string) {
	at.line = min(max(at.line, 1), len(r.lines))
	at.col = max(at.col, 1)
	p := Problem{File: r.file, Line: at.line, Col: at.col, Level: level, Rule: rule, What: printable(what), Fix: printable(fix)}
	key := fmt.Sprint(p.Line, p.Col, p.Rule, p.What)
	if r.seen[key] {
		return
	}
	r.seen[key] = true
	p.Source, p.indent = quote(r.lines[at.line-1], at.col)
	r.found = append(r.found, p)
}

// problems returns what was found in the order of the file, or nil.
func (r *report) problems() error {
	if len(r.found) == 0 {
		return nil
	}
	slices.SortStableFunc(r.found, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, a.Col-b.Col, cmp.Compare(a.Rule, b.Rule))
	})
	return r.found
}

// printable keeps a text to one line of sane length without control characters.
func printable(text string) string {
	runes := []rune(text)
	if len(runes) > 400 {
		runes = append(runes[:400], '…')
	}
	for i, r := range runes {
		if unicode.IsControl(r) {
			runes[i] = ' '
		}
	}
	return string(runes)
}
