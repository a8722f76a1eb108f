package gen

import (
	"fmt"
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"unicode"
)

// size is how long a text made from a pattern is.
type size int

const (
	shortest size = iota
	longest
	anyLength
)

// fromPattern is a text that a regular expression matches as a whole. What the
// pattern sets no bound for is repeated at most unbounded times more than it must.
func fromPattern(pattern string, of size, unbounded int, random *rand.Rand) (string, error) {
	expression, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", err
	}
	w := &textWriter{of: of, unbounded: unbounded, random: random}
	if err := w.write(expression); err != nil {
		return "", fmt.Errorf("make a text for the pattern %s: %w", pattern, err)
	}
	return w.String(), nil
}

type textWriter struct {
	strings.Builder
	of        size
	unbounded int
	random    *rand.Rand
}

func (w *textWriter) write(e *syntax.Regexp) error {
	least, most := 1, 1
	switch e.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return nil
	case syntax.OpLiteral:
		w.WriteString(string(e.Rune))
		return nil
	case syntax.OpCharClass:
		w.WriteRune(fromClass(e.Rune, w.random))
		return nil
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		w.WriteRune(fromClass([]rune{'a', 'z', '가', '힣'}, w.random))
		return nil
	case syntax.OpAlternate:
		return w.write(e.Sub[w.random.IntN(len(e.Sub))])
	case syntax.OpCapture, syntax.OpConcat:
	case syntax.OpStar:
		least, most = 0, w.unbounded
	case syntax.OpPlus:
		most = 1 + w.unbounded
	case syntax.OpQuest:
		least = 0
	case syntax.OpRepeat:
		least, most = e.Min, e.Max
		if most < 0 {
			most = least + w.unbounded
		}
	default:
		return fmt.Errorf("%s is not known", e.Op)
	}
	times := least
	switch w.of {
	case longest:
		times = most
	case anyLength:
		times = least + w.random.IntN(most-least+1)
	}
	for range times {
		for _, sub := range e.Sub {
			if err := w.write(sub); err != nil {
				return err
			}
		}
	}
	return nil
}

// fromClass is one of the characters between each pair of bounds, one that can
// be seen if there is one.
func fromClass(bounds []rune, random *rand.Rand) rune {
	for range 100 {
		i := random.IntN(len(bounds)/2) * 2
		r := bounds[i] + random.Int32N(bounds[i+1]-bounds[i]+1)
		if unicode.IsPrint(r) {
			return r
		}
	}
	return bounds[0]
}
