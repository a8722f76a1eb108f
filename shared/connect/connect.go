// Package connect is how Kafka, Redis and SQL are reached by their addresses, and what it means where they are not.
package connect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"time"

	"github.com/XSAM/otelsql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/trace"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// spans have no statement, because some have ids in their text: they are named by what they begin with, and the table.
var spans = []otelsql.Option{
	otelsql.WithSpanOptions(otelsql.SpanOptions{DisableQuery: true, DisableErrSkip: true, OmitConnResetSession: true, OmitConnPrepare: true, OmitRows: true, OmitConnectorConnect: true,
		SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
			return trace.SpanContextFromContext(ctx).IsSampled()
		}}),
	otelsql.WithSpanNameFormatter(func(_ context.Context, method otelsql.Method, query string) string {
		return strings.TrimSpace(string(method) + " " + statement.ReplaceAllString(query, "$1 $2$3"))
	}),
}
var statement = regexp.MustCompile(`(?s)^\s*(\w*)(?:.*?\b(?:FROM|INTO)\s+(\w+)|\s+(\w+)|).*`)

// SQL opens postgres://…?sslmode=verify-full or sqlite:///absolute/path.db; statements are written for both, with times in
// Unix milliseconds. A server that would lose commits that were answered (synchronous_commit=off) is refused.
func SQL(address string) (*sql.DB, error) {
	driver, source, probe := "pgx", address, "SHOW synchronous_commit"
	if path, ok := strings.CutPrefix(address, "sqlite://"); ok {
		driver, probe = "sqlite", "PRAGMA synchronous"
		source = "file:" + path + "?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	}
	db, err := otelsql.Open(driver, source, spans...)
	if file := new(fs.PathError); errors.As(err, &file) { // a certificate's
		return nil, Unreachable("DATABASE_URL", address, file)
	}
	if err != nil || driver == "pgx" && strings.Count(address, "@") > 1 { // err, and the host, may have a part of the password
		return nil, fmt.Errorf("use DATABASE_URL at %s: want postgres://user:password@host:port/database?sslmode=verify-full, what is special in the password as %%XX", Bare(address))
	}
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var durable string
	err = db.QueryRowContext(ctx, probe).Scan(&durable)
	if durable == "off" {
		err = errors.New(`synchronous_commit is "off": commits that were answered could be lost`)
	}
	if err != nil {
		return nil, errors.Join(Unreachable("DATABASE_URL", address, err), db.Close())
	}
	return db, nil
}

// Redis opens rediss://user:password@host:port, or redis:// without TLS. It connects when it is first used.
func Redis(address string) (*redis.Client, error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("use REDIS_URL at %s: want rediss://user:password@host:port, what is special in the password as %%XX", Bare(address))
	}
	options.ContextTimeoutEnabled = true // or a command waits longer than whoever asked
	return redis.NewClient(options), nil
}
