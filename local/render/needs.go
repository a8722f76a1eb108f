package render

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// reads are the environment variables that the code of each folder reads: by
// shared.Env, or by what else it calls of shared. A function is given no
// address or password that it has no use for.
func reads(root fs.FS, functions []string) (map[string]map[string]bool, error) {
	helper, err := calls(root, "shared")
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]bool{}
	for _, name := range functions {
		found, err := calls(root, path.Join("functions", name))
		if err != nil {
			return nil, err
		}
		all[name] = map[string]bool{}
		for _, made := range found {
			for _, call := range made {
				if call.variable != "" {
					all[name][call.variable] = true
				}
				for _, inner := range helper[call.name] {
					if inner.variable != "" {
						all[name][inner.variable] = true
					}
				}
			}
		}
	}
	return all, nil
}

// call is one call of a function of shared.
type call struct{ name, variable string } // variable: what Env is asked for

// calls are those that each function of a folder makes, without its tests.
func calls(root fs.FS, dir string) (map[string][]call, error) {
	all := map[string][]call{}
	err := declarations(root, dir, func(d ast.Decl) {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok {
				if made := callOf(c); made.name != "" {
					all[f.Name.Name] = append(all[f.Name.Name], made)
				}
			}
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read what %s needs: %w", dir, err)
	}
	return all, nil
}

// declarations visits those of a folder, without its tests.
func declarations(root fs.FS, dir string, visit func(ast.Decl)) error {
	files, err := fs.Glob(root, dir+"/*.go")
	if err != nil || len(files) == 0 {
		return errors.Join(errors.New("there is no Go in it"), err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, text, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			visit(d)
		}
	}
	return nil
}

func callOf(c *ast.CallExpr) (made call) {
	switch f := c.Fun.(type) {
	case *ast.Ident: // inside shared
		made.name = f.Name
	case *ast.SelectorExpr:
		if from, ok := f.X.(*ast.Ident); ok && from.Name == "shared" {
			made.name = f.Sel.Name
		}
	}
	if made.name != "Env" || len(c.Args) != 1 {
		return made
	}
	if text, ok := c.Args[0].(*ast.BasicLit); ok && text.Kind == token.STRING {
		made.variable, _ = strconv.Unquote(text.Value)
	}
	return made
}
