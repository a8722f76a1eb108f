package filter

import (
	"fmt"
	"strings"

	"github.com/cloudevents/sdk-go/sql/v2/gen"

	"github.com/antlr/antlr4/runtime/Go/antlr"
)

const quoteText = "put text in quotes, as in type = 'com.acme.created'; CESQL sees the attributes of an event only, never its data"

// listener keeps the first thing that lexer and parser stumble over.
type listener struct {
	antlr.DefaultErrorListener
	text  string
	first *Error
}

// SyntaxError keeps what comes first in the text: the lexer may be ahead of the parser.
func (l *listener) SyntaxError(_ antlr.Recognizer, offending any, line, column int, _ string, _ antlr.RecognitionException) {
	if l.first != nil && (l.first.Line < line || l.first.Line == line && l.first.Column <= column+1) {
		return
	}
	lines := strings.Split(l.text, "\n")
	text := []rune(lines[min(line, len(lines))-1])
	column = min(column, len(text))
	// A quote is a token of its own where it is not the first of two.
	token, _ := offending.(antlr.Token)
	open := token != nil && (token.GetTokenType() == gen.CESQLParserLexerSINGLE_QUOTE_SYMB || token.GetTokenType() == gen.CESQLParserLexerDOUBLE_QUOTE_SYMB)
	what, fix := explain(string(text[:column]), string(text[column:]), open)
	what = fmt.Sprintf("CESQL %q: %s at character %d", clip(l.text), what, column+1)
	if line > 1 {
		what += fmt.Sprintf(" of line %d", line)
	}
	l.first = &Error{What: what, Fix: fix, Line: line, Column: column + 1}
}

// explain says what is wrong between two parts of a line, and guesses what was meant. The parser knows
// only what it would rather have seen, which is a long list.
func explain(before, rest string, open bool) (what, fix string) {
	what, fix = fmt.Sprintf("unexpected %q", firstWord(rest)), quoteText
	word := lastWord(before)
	if rest == "" {
		return "it ends too early", "write what is missing, or close the bracket"
	}
	switch rest[0] {
	case '\'', '"':
		if open {
			return "a quote that is not closed", "close it with " + rest[:1]
		}
	case '=':
		if strings.HasSuffix(before, "=") {
			fix = "write one ="
		}
	case '&', '|':
		fix = "write AND or OR"
	case '.':
		if word != "" {
			what += fmt.Sprintf(" after %q", word)
		}
		if strings.EqualFold(word, "data") {
			return what, "CESQL sees the attributes of an event only, never its data: filter by an attribute, or look at data in the handler"
		}
		fix = quoted(word + firstTerm(rest))
	case '-', '/', ':':
		fix = quoted(word + firstTerm(rest))
	}
	return what, fix
}

func quoted(term string) string {
	return fmt.Sprintf("put text in quotes: '%s'; CESQL sees the attributes of an event only, never its data", clip(term))
}

func inWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
}

// firstWord is the word that a text begins with, or its first character.
func firstWord(text string) string {
	for i, r := range text {
		if inWord(r) {
			continue
		}
		if i == 0 {
			return string(r)
		}
		return clip(text[:i])
	}
	return clip(text)
}

// lastWord is the word that a text ends with.
func lastWord(text string) string {
	return clip(text[strings.LastIndexFunc(text, func(r rune) bool { return !inWord(r) })+1:])
}

// firstTerm is what a text begins with as far as it could be a name that forgot its quotes.
func firstTerm(text string) string {
	end := strings.IndexFunc(text, func(r rune) bool { return !inWord(r) && !strings.ContainsRune(".-/:", r) })
	if end < 0 {
		return text
	}
	return text[:end]
}
