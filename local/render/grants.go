package render

import (
	"fmt"
	"go/ast"
	"go/token"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	house "somssi/local/template"
)

// role is a function's own in PostgreSQL.
type role struct {
	Name   string
	Grants []grant
}

// grant is what a role may do with a table.
type grant struct {
	Table  string
	Rights []string // in the order of rights
}

var rights = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// statements are how a right shows in SQL; the group is the table.
var statements = map[string]*regexp.Regexp{
	"SELECT": regexp.MustCompile(`(?:FROM|JOIN)\s+(\w+)`), // also of a DELETE, which reads what it deletes
	"INSERT": regexp.MustCompile(`INSERT INTO\s+(\w+)`),
	"UPDATE": regexp.MustCompile(`UPDATE\s+(\w+)\s+SET`),
	"DELETE": regexp.MustCompile(`DELETE FROM\s+(\w+)`),
}

var created = regexp.MustCompile(`CREATE TABLE\s+(\w+)`)

// renderRoles derives the roles from the SQL in the code of the functions that
// read DATABASE_URL; empty where there is no schema.
func renderRoles(root fs.FS, t *house.Template, needed map[string]map[string]bool) (string, error) {
	tables, err := tablesOf(root)
	if err != nil || len(tables) == 0 {
		return "", err
	}
	var roles []role
	for _, name := range t.Names() {
		if !needed[name]["DATABASE_URL"] {
			continue
		}
		uses, err := sqlOf(root, "functions/"+name, tables)
		if err != nil {
			return "", err
		}
		if needed[name][house.KafkaBrokers] { // what shared does with the outbox of who has one
			allow(uses, "outbox", "SELECT", "INSERT", "DELETE")
		}
		r := role{Name: name}
		for _, table := range slices.Sorted(maps.Keys(uses)) {
			has := slices.DeleteFunc(slices.Clone(rights), func(right string) bool { return !uses[table][right] })
			r.Grants = append(r.Grants, grant{table, has})
		}
		roles = append(roles, r)
	}
	return execute("roles.sql", map[string]any{"Roles": roles})
}

func tablesOf(root fs.FS) (tables []string, err error) {
	files, err := fs.Glob(root, "infra/schema/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return nil, err
		}
		for _, found := range created.FindAllStringSubmatch(string(text), -1) {
			tables = append(tables, found[1])
		}
	}
	return tables, nil
}

// sqlOf is what the statements of a folder do: rights by table. A statement may be
// put together from several strings of one declaration.
func sqlOf(root fs.FS, dir string, tables []string) (map[string]map[string]bool, error) {
	uses := map[string]map[string]bool{}
	err := declarations(root, dir, func(d ast.Decl) {
		var text strings.Builder
		ast.Inspect(d, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				part, _ := strconv.Unquote(lit.Value)
				text.WriteString(part + " ")
			}
			return true
		})
		for right, pattern := range statements {
			for _, found := range pattern.FindAllStringSubmatch(text.String(), -1) {
				if table := found[1]; slices.Contains(tables, table) {
					allow(uses, table, right)
					if strings.Contains(text.String(), "ON CONFLICT") && right == "INSERT" || right == "UPDATE" {
						allow(uses, table, "SELECT") // it looks at what is there
					}
					if strings.Contains(text.String(), "DO UPDATE") && right == "INSERT" {
						allow(uses, table, "UPDATE")
					}
				}
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read the statements of %s: %w", dir, err)
	}
	return uses, nil
}

func allow(uses map[string]map[string]bool, table string, rights ...string) {
	if uses[table] == nil {
		uses[table] = map[string]bool{}
	}
	for _, right := range rights {
		uses[table][right] = true
	}
}
