package template

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// The levels of a Problem: a template with an error is not used, one with a warning does what it says.
const (
	LevelError   = "error"
	LevelWarning = "warning"
)

// Problem is one thing that is wrong in a template, where it is, and how to mend it.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // from 1
	Col    int    `json:"col"`  // from 1, in characters
	Level  string `json:"level"`
	Rule   string `json:"rule"` // stable, such as T004 or K13
	What   string `json:"what"`
	Fix    string `json:"fix"`
	Source string `json:"source"` // the line of the file, or of a long line the part around Col

	indent string // as wide on a terminal as what stands before Col in Source
}

// String is the problem as a terminal shows it: place, rule and what, the line, a caret with the fix.
func (p Problem) String() string {
	number := fmt.Sprintf("%4d", p.Line)
	return fmt.Sprintf("%s:%d:%d %s %s %s\n%s | %s\n%*s | %s^ %s\n",
		p.File, p.Line, p.Col, p.Level, p.Rule, p.What, number, p.Source, len(number), "", p.indent, p.Fix)
}

// Problems is everything that is wrong in a template, in the order of the file. As an error it reads as
// its problems read, one after the other.
type Problems []Problem

func (ps Problems) Error() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String())
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Count returns how many problems are of a level.
func (ps Problems) Count(level string) (n int) {
	for _, p := range ps {
		if p.Level == level {
			n++
		}
	}
	return n
}

// around is how many characters of a long line are shown before and after the place of a problem.
const around = 100

// quote returns the line as it can be shown, and the indent of a caret under column col.
func quote(line []rune, col int) (shown, indent string) {
	at := min(col-1, len(line))
	start, end := max(at-around, 0), min(at+around, len(line))
	runes, at := slices.Clone(line[start:end]), at-start

	var pad strings.Builder
	for i, r := range runes {
		// A control character could move the cursor of the terminal, or worse.
		if unicode.IsControl(r) && r != '\t' {
			runes[i] = unicode.ReplacementChar
		}
		if i >= at {
			continue
		}
		switch kind := width.LookupRune(r).Kind(); {
		case r == '\t':
			pad.WriteByte('\t')
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			pad.WriteString("  ")
		case unicode.Is(unicode.Mn, r):
		default:
			pad.WriteByte(' ')
		}
	}
	return string(runes), pad.String()
}
