package filter

import (
	"fmt"
	"strings"

	cesql "github.com/cloudevents/sdk-go/sql/v2"
	"github.com/cloudevents/sdk-go/sql/v2/expression"
	"github.com/cloudevents/sdk-go/sql/v2/gen"
	"github.com/cloudevents/sdk-go/sql/v2/parser"
	"github.com/cloudevents/sdk-go/sql/v2/utils"
	cloudevent "github.com/cloudevents/sdk-go/v2/event"

	"github.com/antlr/antlr4/runtime/Go/antlr"
)

// What the parser is given at most: characters, and brackets, of which it looks for the end of each.
const (
	maxExpression = 2000
	maxBrackets   = 64
)

// sql is a filter in CloudEvents SQL.
type sql struct {
	text       string
	names      []string // of the attributes it looks at, in their order
	expression cesql.Expression
}

// evaluate is the expression's value as a boolean. An error counts as false.
func (s sql) evaluate(e *event) (pass bool, err error) {
	// The functions of the library index text by numbers out of the event.
	defer func() {
		if p := recover(); p != nil {
			pass, err = false, fmt.Errorf("the expression can not be evaluated: %v", p)
		}
	}()
	value, err := s.expression.Evaluate(e.event())
	if err != nil {
		return false, err
	}
	value, err = utils.Cast(value, cesql.BooleanType)
	pass, _ = value.(bool)
	return pass && err == nil, err
}

func (s sql) holds(e *event) bool {
	pass, _ := s.evaluate(e)
	return pass
}

func (s sql) why(e *event) string {
	pass, err := s.evaluate(e)
	said := make([]string, 0, len(s.names))
	missing := false
	for _, name := range s.names {
		value := utils.GetAttribute(e.event(), name)
		switch {
		case value != nil:
			said = append(said, fmt.Sprintf("%s = %q", name, clip(fmt.Sprint(value))))
		case name == "data":
			said, missing = append(said, "data is never seen, CESQL sees attributes only"), true
		default:
			said, missing = append(said, name+" is missing"), true
		}
	}
	// What the library says of a missing attribute is just its name.
	if err != nil && !missing {
		said = append(said, err.Error())
	}
	if len(said) == 0 {
		said = []string{"it looks at no attribute"}
	}
	return fmt.Sprintf("cesql %q is %t: %s", clip(s.text), pass, strings.Join(said, ", "))
}

// parse reads an expression. The library's own parser panics on some input, tells nothing of the place,
// and its lexer writes to stderr, so the text is first parsed with listeners of our own, and reaches the
// library only where they heard of nothing.
func parse(text string) (_ clause, wrong *Error) {
	defer func() {
		if p := recover(); p != nil {
			wrong = &Error{What: fmt.Sprintf("CESQL %q can not be parsed", clip(text)), Fix: quoteText}
		}
	}()
	if n, brackets := len([]rune(text)), strings.Count(text, "("); n > maxExpression || brackets > maxBrackets {
		return nil, &Error{What: fmt.Sprintf("CESQL of %d characters and %d brackets", n, brackets),
			Fix: fmt.Sprintf("keep it to %d and %d, or make filters under all or any of it", maxExpression, maxBrackets)}
	}
	heard := &listener{text: text}
	lexer := gen.NewCESQLParserLexer(parser.NewCaseChangingStream(antlr.NewInputStream(text), true))
	lexer.RemoveErrorListeners()
	lexer.AddErrorListener(heard)
	reader := gen.NewCESQLParserParser(antlr.NewCommonTokenStream(lexer, antlr.TokenDefaultChannel))
	reader.RemoveErrorListeners()
	reader.AddErrorListener(heard)
	tree := reader.Cesql()
	if heard.first != nil {
		return nil, heard.first
	}
	// What the grammar allows and the language does not, a number beyond 32 bits for one.
	if _, err := parser.Parse(text); err != nil {
		return nil, &Error{What: fmt.Sprintf("CESQL %q: %s", clip(text), strings.TrimPrefix(err.Error(), "parse error: ")), Fix: "a number has at most 32 bits"}
	}
	return sql{text, identifiers(tree, nil), build(tree)}, nil
}

// build makes the expression of a tree. It is the library's but for OR.
func build(tree antlr.Tree) cesql.Expression {
	switch n := tree.(type) {
	case *gen.CesqlContext:
		return build(n.Expression())
	case *gen.SubExpressionContext:
		return build(n.Expression())
	case *gen.UnaryLogicExpressionContext:
		return expression.NewNotExpression(build(n.Expression()))
	case *gen.BinaryLogicExpressionContext:
		left, right := build(n.Expression(0)), build(n.Expression(1))
		switch {
		case n.AND() != nil:
			return expression.NewAndExpression(left, right)
		case n.OR() != nil:
			return or{left, right}
		}
		return expression.NewXorExpression(left, right)
	}
	return parser.NewExpressionVisitor().Visit(tree.(antlr.ParseTree)).(cesql.Expression)
}

// or looks at its right side also where the left one can not be evaluated, because it looks at an
// attribute that the event has not. So does Knative, whose library is another one; Go's gives up.
type or struct{ left, right cesql.Expression }

func (o or) Evaluate(e cloudevent.Event) (any, error) {
	if left, err := truth(o.left, e); err == nil && left {
		return true, nil
	}
	return truth(o.right, e)
}

func truth(x cesql.Expression, e cloudevent.Event) (bool, error) {
	value, err := x.Evaluate(e)
	if err != nil {
		return false, err
	}
	value, err = utils.Cast(value, cesql.BooleanType)
	if err != nil {
		return false, err
	}
	return value.(bool), nil
}

// identifiers are the names of attributes in a tree, each once, in the order of the text.
func identifiers(tree antlr.Tree, names []string) []string {
	if n, ok := tree.(*gen.IdentifierContext); ok {
		name := strings.ToLower(n.GetText())
		for _, known := range names {
			if known == name {
				return names
			}
		}
		return append(names, name)
	}
	for _, child := range tree.GetChildren() {
		names = identifiers(child, names)
	}
	return names
}
