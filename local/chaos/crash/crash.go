// Package crash lets the functions die at a named point: a build for chaos has one
// before and one after each of their side effects, which are writes of SQL and
// Redis, commits, events to Kafka with their acknowledgements, and answers. The
// tree has none: they are put in by an overlay.
package crash

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"somssi/local/overlay"
)

// Point is a crash point of a function.
type Point struct {
	Function string
	// Name is <function>.<func>:<before|after>:<call>#<which one>, such as
	// register-talent.save:after:ExecContext#1, or, of what all functions share,
	// register-talent/shared.InTx:before:Commit#1. It says nothing of lines, and so
	// outlives most changes.
	Name string
}

// Points are those of all functions of the module in root, each function's in the
// order of its files. Some are passed only where something fails, or by rebuild.
func Points(root string) ([]Point, error) { return Instrument(root, overlay.New(root, "")) }

// Instrument puts the points into o, an overlay of the module in root, over what
// it has changed already.
func Instrument(root string, o *overlay.Overlay) (all []Point, err error) {
	folders, err := filepath.Glob(filepath.Join(root, "functions", "*"))
	if err != nil {
		return nil, err
	}
	shared, err := read(o, root, "shared")
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		name := filepath.Base(folder)
		p, err := read(o, root, "functions/"+name)
		if err != nil {
			return nil, err
		}
		for _, f := range p.funcs {
			for _, point := range f.points {
				all = append(all, Point{name, point})
			}
		}
		for _, f := range shared.reached(p.names) {
			for _, point := range f.points {
				all = append(all, Point{name, name + "/" + point})
			}
		}
	}
	return all, nil
}

// pkg is what there is to know of a package that was instrumented.
type pkg struct {
	name  string
	funcs []fn
	names map[string]bool // that it uses
}

// fn is a function of a package.
type fn struct {
	name, receiver string
	points         []string
	names          map[string]bool
}

func read(o *overlay.Overlay, root, folder string) (*pkg, error) {
	p := &pkg{name: filepath.Base(folder), names: map[string]bool{}}
	files, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		return nil, err
	}
	ordinals := map[string]int{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file := folder + "/" + filepath.Base(path)
		text, err := o.Text(file)
		if err != nil {
			return nil, err
		}
		positions := token.NewFileSet()
		parsed, err := parser.ParseFile(positions, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("find the side effects: %w", err)
		}
		e := editor{text: text, at: func(p token.Pos) int { return positions.Position(p).Offset }}
		for _, declared := range parsed.Decls {
			if f, ok := declared.(*ast.FuncDecl); ok && f.Body != nil {
				p.funcs = append(p.funcs, e.instrument(f, p.name+"."+f.Name.Name, ordinals))
			}
		}
		for _, f := range p.funcs {
			for name := range f.names {
				p.names[name] = true
			}
		}
		if len(e.edits) > 0 {
			e.insert(parsed.Name.End(), `; import "somssi/local/chaos/crash/point"`)
			o.Replace(file, e.result())
		}
	}
	return p, nil
}

// reached are the functions of p, with points, that one who uses names can reach:
// by their names, and of a method also its receiver's.
func (p *pkg) reached(names map[string]bool) (all []fn) {
	used, in := map[string]bool{}, map[int]bool{}
	for name := range names {
		used[name] = true
	}
	for more := true; more; {
		more = false
		for i, f := range p.funcs {
			if in[i] || !used[f.name] || f.receiver != "" && !used[f.receiver] {
				continue
			}
			in[i], more = true, true
			for name := range f.names {
				used[name] = true
			}
		}
	}
	for i, f := range p.funcs {
		if in[i] {
			all = append(all, f)
		}
	}
	return all
}

// editor puts text into a file.
type editor struct {
	text  string
	at    func(token.Pos) int
	edits []edit
}

type edit struct {
	at   int
	text string
}

func (e *editor) insert(at token.Pos, text string) { e.edits = append(e.edits, edit{e.at(at), text}) }

func (e *editor) result() string {
	slices.SortStableFunc(e.edits, func(a, b edit) int { return a.at - b.at })
	var out strings.Builder
	from := 0
	for _, one := range e.edits {
		out.WriteString(e.text[from:one.at] + one.text)
		from = one.at
	}
	return out.String() + e.text[from:]
}

// instrument puts points around the side effects of f.
func (e *editor) instrument(f *ast.FuncDecl, name string, ordinals map[string]int) fn {
	out := fn{name: f.Name.Name, names: map[string]bool{}}
	if f.Recv != nil {
		ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				out.receiver = id.Name
			}
			return true
		})
	}
	pair := func(call string) (before, after string) {
		ordinals[name+call]++
		format := name + ":%s:" + call + "#" + strconv.Itoa(ordinals[name+call])
		before, after = fmt.Sprintf(format, "before"), fmt.Sprintf(format, "after")
		out.points = append(out.points, before, after)
		return strconv.Quote(before), strconv.Quote(after)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Ident:
			out.names[n.Name] = true
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok {
				e.statement(call, pair)
			}
		case *ast.CallExpr:
			e.expression(n, pair)
		}
		return true
	})
	return out
}
