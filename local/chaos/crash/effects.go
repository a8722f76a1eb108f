package crash

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// changes is SQL that is more than a question.
var changes = regexp.MustCompile(`\b(INSERT INTO|UPDATE \w+ SET|DELETE FROM)\b`)

// reads are the commands of Redis that change nothing, among those in use.
var reads = map[string]bool{
	"Exists": true, "Get": true, "HGet": true, "HGetAll": true, "HMGet": true, "SIsMember": true, "Scan": true, "ZRange": true,
	"ZRevRangeByScore": true, "ZRevRangeByScoreWithScores": true, "ZScore": true, "PSubscribe": true, "Options": true, "Close": true,
}

// callee is what a call calls: the name, and the last name of what it is called on.
func callee(call *ast.CallExpr) (on, name string) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return "", f.Name
	case *ast.SelectorExpr:
		switch x := f.X.(type) {
		case *ast.Ident:
			on = x.Name
		case *ast.SelectorExpr:
			on = x.Sel.Name
		}
		return on, f.Sel.Name
	}
	return "", ""
}

// statement puts points around a call that returns nothing, where it is an answer
// or sends an event. An event's acknowledgement has points of its own.
func (e *editor) statement(call *ast.CallExpr, pair func(string) (string, string)) {
	on, name := callee(call)
	pass := "point.Pass(%s)"
	switch {
	case name == "WriteHeader":
		pass = "point.Answered(%s, " + on + ")"
	case name == "WriteJSON":
		pass = "point.Answered(%s, " + e.text[e.at(call.Args[0].Pos()):e.at(call.Args[0].End())] + ")"
	case name != "Produce" && name != "TryProduce":
		return
	}
	before, after := pair(name)
	e.insert(call.Pos(), "point.Pass("+before+"); ")
	e.insert(call.End(), "; "+fmt.Sprintf(pass, after))
	if acknowledged, ok := call.Args[len(call.Args)-1].(*ast.FuncLit); ok {
		before, after = pair("ack")
		e.insert(acknowledged.Body.Lbrace+1, " point.Pass("+before+"); defer point.Pass("+after+");")
	}
}

// expression puts points around a call that returns something, where it writes to
// a store, commits, or writes a part of an answer.
func (e *editor) expression(call *ast.CallExpr, pair func(string) (string, string)) {
	on, name := callee(call)
	around := ""
	switch {
	case name == "ExecContext":
		around = "point.Result(%s, %s)("
	case name == "QueryContext" && e.writes(call):
		around = "point.Rows(%s, %s)("
	case name == "Pipelined" && e.pipesWrites(call):
		around = "point.Commands(%s, %s)("
	case name == "Write" && on == "w":
		around = "point.Written(%s, %s, w)("
	case name == "Commit",
		(name == "QueryRowContext" || on == "sqlscan") && e.writes(call),
		name == "Run" && strings.HasSuffix(strings.ToLower(on), "script"),
		on == "rdb" && !reads[name] && name != "Pipelined":
		around = "point.Value(point.Before(%s, %s), "
	default:
		return
	}
	before, after := pair(name)
	e.insert(call.Pos(), fmt.Sprintf(around, before, after))
	e.insert(call.End(), ")")
}

// writes tells whether the SQL in a call's arguments changes something.
func (e *editor) writes(call *ast.CallExpr) (yes bool) {
	for _, argument := range call.Args {
		ast.Inspect(argument, func(n ast.Node) bool {
			text, ok := n.(*ast.BasicLit)
			yes = yes || ok && text.Kind == token.STRING && changes.MatchString(text.Value)
			return true
		})
	}
	return yes
}

// pipesWrites tells whether one of a pipeline's commands changes something, or it
// is handed to somebody who may.
func (e *editor) pipesWrites(call *ast.CallExpr) (yes bool) {
	do, ok := call.Args[len(call.Args)-1].(*ast.FuncLit)
	if !ok {
		return true
	}
	p := do.Type.Params.List[0].Names[0].Name
	ast.Inspect(do.Body, func(n ast.Node) bool {
		if inner, ok := n.(*ast.CallExpr); ok {
			on, name := callee(inner)
			yes = yes || on == p && !reads[name] && name != "Len"
			for _, argument := range inner.Args {
				id, ok := argument.(*ast.Ident)
				yes = yes || ok && id.Name == p
			}
		}
		return true
	})
	return yes
}
