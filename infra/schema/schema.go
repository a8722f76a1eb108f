// Package schema is the SQL schema, for PostgreSQL and SQLite alike.
package schema

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed *.sql
var files embed.FS

// Migrate brings db, opened from address, to the newest version. Several may
// do so at once on PostgreSQL; on SQLite only one process at a time.
func Migrate(ctx context.Context, db *sql.DB, address string) error {
	dialect := goose.DialectPostgres
	if strings.HasPrefix(address, "sqlite:") {
		dialect = goose.DialectSQLite3
	}
	provider, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
