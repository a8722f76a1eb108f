package render

import (
	"go/ast"
	"go/token"
	"io/fs"
	"slices"
	"strconv"
)

// names stand for clients and scripts in a folder.
type names struct {
	fields, scripts map[string]bool
	makers          map[string]string // by function: the format of the key that it returns
	bound           []binding         // of the declaration that is looked at
}

// binding is a parameter or variable that is a client, and where it is one.
type binding struct {
	name     string
	from, to token.Pos
}

func redisNames(root fs.FS, dir string) (names, error) {
	known := names{fields: map[string]bool{}, scripts: map[string]bool{}, makers: map[string]string{}}
	err := declarations(root, dir, func(d ast.Decl) {
		if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && len(f.Body.List) == 1 {
			if last, ok := f.Body.List[0].(*ast.ReturnStmt); ok && len(last.Results) == 1 {
				known.makers[f.Name.Name] = known.name(last.Results[0])
			}
		}
		ast.Inspect(d, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				for _, field := range n.Fields.List {
					if isClient(field.Type) {
						for _, name := range field.Names {
							known.fields[name.Name] = true
						}
					}
				}
			case *ast.Field:
				if redisType(n.Type) == "Script" {
					for _, name := range n.Names {
						known.scripts[name.Name] = true
					}
				}
			case *ast.ValueSpec:
				for i, value := range n.Values {
					if made, ok := value.(*ast.CallExpr); ok && redisType(made.Fun) == "NewScript" {
						known.scripts[n.Names[i].Name] = true
					}
				}
			case *ast.RangeStmt: // over scripts
				if list, ok := n.X.(*ast.CompositeLit); ok {
					if of, ok := list.Type.(*ast.ArrayType); ok && redisType(of.Elt) == "Script" {
						known.scripts[lastName(n.Value)] = true
					}
				}
			}
			return true
		})
	})
	return known, err
}

// bind finds the clients that functions of a declaration are given, or open.
func (k *names) bind(d ast.Decl) {
	k.bound = nil
	add := func(params *ast.FieldList, body *ast.BlockStmt) {
		for _, field := range params.List {
			for _, name := range field.Names {
				if isClient(field.Type) && body != nil {
					k.bound = append(k.bound, binding{name.Name, body.Pos(), body.End()})
				}
			}
		}
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Type.Params, n.Body)
		case *ast.FuncLit:
			add(n.Type.Params, n.Body)
		case *ast.AssignStmt:
			for i, value := range n.Rhs {
				if made, ok := value.(*ast.CallExpr); ok && i < len(n.Lhs) && callOf(made).name == "Redis" {
					k.bound = append(k.bound, binding{lastName(n.Lhs[i]), n.Pos(), d.End()})
				}
			}
		}
		return true
	})
}

// client tells whether an expression is one.
func (k *names) client(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return k.fields[e.Sel.Name]
	case *ast.CallExpr:
		return callOf(e).name == "Redis"
	case *ast.Ident:
		return slices.ContainsFunc(k.bound, func(b binding) bool { return b.name == e.Name && b.from <= e.Pos() && e.Pos() < b.to })
	}
	return false
}

// name is a key or channel of a function's own that an expression gives as it is,
// by a format, or by a function that returns one; else empty.
func (k *names) name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			text, _ := strconv.Unquote(e.Value)
			return pattern(text)
		}
	case *ast.CallExpr:
		if lastName(e.Fun) == "Sprintf" && len(e.Args) > 0 {
			return k.name(e.Args[0])
		}
		return k.makers[lastName(e.Fun)]
	}
	return ""
}

func isClient(e ast.Expr) bool {
	return slices.Contains([]string{"Client", "Pipeliner", "Scripter", "Cmdable"}, redisType(e))
}

// redisType is X of redis.X and *redis.X.
func redisType(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if of, ok := e.(*ast.SelectorExpr); ok && lastName(of.X) == "redis" {
		return of.Sel.Name
	}
	return ""
}

// lastName is c of a.b.c.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
