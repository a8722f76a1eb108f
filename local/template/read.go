package template

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxBytes is ten times what a real template takes. The parser needs time in the square of the number
	// of keys: half a second at this size, minutes at a megabyte.
	maxBytes = 32 << 10
	// maxDepth is ten times what a real template takes. The parser recurses, and writes the whole path
	// into every node.
	maxDepth = 100

	tooDeep    = "this is nested too deep"
	tooDeepFix = "a template needs no more than ten levels"
)

// read turns the text into nodes, or returns nil after reporting why it can not.
func read(r *report, text []byte) (root *node) {
	// A template that makes the parser panic is still only a bad template.
	defer func() {
		if p := recover(); p != nil {
			r.add(place{1, 1}, ruleSyntax, fmt.Sprintf("this is not YAML that can be read: %v", p), "take the latest change back")
			root = nil
		}
	}()
	if len(text) > maxBytes {
		r.add(place{1, 1}, ruleSyntax, fmt.Sprintf("the file has %d bytes", len(text)), fmt.Sprintf("keep it to %d", maxBytes))
		return nil
	}
	if !utf8.Valid(text) {
		r.add(notUTF8(text), ruleSyntax, "the file is not UTF-8 here", "save it as UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if !plain(r, tokens) {
		return nil
	}
	// Duplicate keys are found below, all of them and with the place of the first.
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		syntax(r, err)
		return nil
	}
	if len(file.Docs) > 1 {
		r.add(tokenPlace(file.Docs[1].Start), ruleSyntax, "a second document begins here", "keep everything in one document: remove this line")
		return nil
	}
	root = &node{kind: mapping, at: place{1, 1}, keyAt: place{1, 1}}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return root
	}
	(&reader{r}).fill(root, file.Docs[0].Body, 0)
	return root
}

// plain reports what YAML can do and a template does not need, and nesting that would exhaust the parser.
// It looks at tokens, so that the parser never sees either.
func plain(r *report, tokens token.Tokens) bool {
	ok, open, line, dashes := true, 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			r.add(tokenPlace(t), rulePlain, fmt.Sprintf("%q: anchors, aliases, merge keys, tags and directives are not read", clip(t.Value)),
				"write the value out, or put it into globals; quote it if it is meant as text")
			ok = false
		case token.SequenceStartType, token.MappingStartType:
			open++
		case token.SequenceEndType, token.MappingEndType:
			open--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		}
		if open+dashes > maxDepth {
			r.add(tokenPlace(t), ruleSyntax, tooDeep, tooDeepFix)
			return false
		}
	}
	return ok
}

func syntax(r *report, err error) {
	at, what := place{1, 1}, err.Error()
	var located yaml.Error
	if errors.As(err, &located) {
		what = located.GetMessage()
		if t := located.GetToken(); t != nil {
			at = tokenPlace(t)
		}
	}
	r.add(at, ruleSyntax, what, "mend the YAML here or just before; nothing else is checked until then")
}

func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}

// notUTF8 is the place of the first byte that is not UTF-8.
func notUTF8(text []byte) place {
	at := place{1, 1}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at.col++
		if r == '\n' {
			at = place{at.line + 1, 1}
		}
		text = text[size:]
	}
	return at
}
