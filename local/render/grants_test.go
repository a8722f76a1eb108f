package render

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"somssi/infra/schema"
	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

// matrix is what each function may do in PostgreSQL. Whoever adds to it says that
// the function needs it.
var matrix = map[string]map[string]string{
	"adopt-talent":      {"outbox": "SELECT INSERT DELETE", "talents": "SELECT INSERT"},
	"keep-dead-letters": {"dead_letter": "SELECT INSERT"},
	"notify-interested": {"talents": "SELECT"},
	"read-inbox":        {"interests": "SELECT", "marks": "SELECT INSERT UPDATE", "seen": "SELECT INSERT UPDATE", "talents": "SELECT"},
	"reconcile-views":   {"outbox": "SELECT INSERT DELETE", "talents": "SELECT"},
	"register-talent":   {"idempotency": "SELECT INSERT DELETE", "outbox": "SELECT INSERT DELETE", "talents": "SELECT INSERT UPDATE"},
	"relay-outbox":      {"outbox": "SELECT INSERT UPDATE DELETE"},
	"set-interests":     {"interests": "SELECT INSERT UPDATE DELETE"},
	"stream-inbox":      {"interests": "SELECT", "seen": "SELECT", "talents": "SELECT"},
	"update-stats":      {"talents": "SELECT"},
}

// PostgreSQL holds the roles to the matrix, cell by cell, after the file was run twice.
func TestRoles(t *testing.T) {
	files := ours(t, "prod")
	at := eventtest.Real(t, "TEST_DATABASE_URL")[0]
	admin, err := connect.SQL(at)
	if err != nil {
		t.Fatal(err)
	}
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("default_query_exec_mode", "simple_protocol") // which takes several statements at once
	u.Path, u.RawQuery = "/"+name, query.Encode()
	db, err := connect.SQL(u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = db.Close()
		_, _ = admin.ExecContext(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)")
		for role := range matrix {
			_, _ = admin.ExecContext(context.Background(), `DROP ROLE IF EXISTS "`+role+`"`)
		}
		_ = admin.Close()
	})
	if err := schema.Migrate(t.Context(), db, u.String()); err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(files["postgres/roles.sql"], "REVOKE")
	if !strings.Contains(before, "\nBEGIN;") || !strings.HasSuffix(files["postgres/roles.sql"], "\nCOMMIT;\n") {
		t.Error("what is revoked and granted anew is not one transaction: who asks in between is refused")
	}
	for range 2 {
		if _, err := db.ExecContext(t.Context(), files["postgres/roles.sql"]); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT r.rolname, c.relname, p.p, has_table_privilege(r.oid, c.oid, p.p)
		FROM pg_roles r, pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
		WHERE r.rolcanlogin AND NOT r.rolsuper AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	cells := 0
	for rows.Next() {
		var role, table, right string
		var may bool
		if err := rows.Scan(&role, &table, &right, &may); err != nil {
			t.Fatal(err)
		}
		if want := slices.Contains(strings.Fields(matrix[role][table]), right); matrix[role] != nil && may != want {
			t.Errorf("%s may %s %s: %t, want %t", role, right, table, may, want)
		}
		cells++
	}
	if err := rows.Err(); err != nil || cells < len(matrix)*8*7 {
		t.Errorf("%d cells: %v", cells, err)
	}
	for _, role := range slices.Sorted(maps.Keys(matrix)) {
		var may bool
		if err := db.QueryRowContext(t.Context(), `SELECT has_schema_privilege($1, 'public', 'CREATE')`, role).Scan(&may); err != nil || may {
			t.Errorf("%s may change the schema: %t, %v", role, may, err)
		}
	}
}
