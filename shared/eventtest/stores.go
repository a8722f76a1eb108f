package eventtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"somssi/infra/schema"
	"somssi/shared/connect"
)

// Stores are empty stores of one test's own.
type Stores struct {
	DB    *sql.DB
	Redis *redis.Client
}

// Each runs test on "embedded" (SQLite, miniredis) and on "real" (PostgreSQL and
// Redis at TEST_DATABASE_URL and TEST_REDIS_URL, which make test starts), if Real
// lets it.
func Each(t *testing.T, test func(t *testing.T, s Stores)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, Embedded(t)) })
	t.Run("real", func(t *testing.T) {
		at := Real(t, "TEST_DATABASE_URL", "TEST_REDIS_URL")
		test(t, Stores{postgres(t, at[0]), realRedis(t, at[1])})
	})
}

// Real is what these variables of TEST_KAFKA_BROKERS, TEST_REDIS_URL and
// TEST_DATABASE_URL say, in that order. Where one is not set the test is skipped; in
// CI that is a failure.
func Real(t testing.TB, variables ...string) (addresses []string) {
	t.Helper()
	for _, variable := range variables {
		address := os.Getenv(variable)
		switch {
		case address != "":
			addresses = append(addresses, address)
		case os.Getenv("CI") != "":
			t.Fatalf("%s is not set: run make test", variable)
		default:
			t.Skipf("no real part: %s is not set (make test sets it)", variable)
		}
	}
	return addresses
}

// Embedded is SQLite in a file of the test's own, and miniredis.
func Embedded(t testing.TB) Stores {
	t.Helper()
	address := "sqlite://" + filepath.Join(t.TempDir(), "test.db")
	return Stores{open(t, address), client(t, "redis://"+miniredis.RunT(t).Addr())}
}

// RedisAway is a Redis that does not answer.
func RedisAway(t testing.TB) *redis.Client {
	t.Helper()
	return client(t, "redis://127.0.0.1:1?max_retries=-1&dial_timeout=100ms")
}

// SQLAway is a database that does not answer.
func SQLAway(t testing.TB) *sql.DB {
	t.Helper()
	db := Embedded(t).DB
	_ = db.Close()
	return db
}

func open(t testing.TB, address string) *sql.DB {
	t.Helper()
	db, err := connect.SQL(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := schema.Migrate(t.Context(), db, address); err != nil {
		t.Fatal(err)
	}
	return db
}

// postgres is a schema of the test's own in the server at address.
func postgres(t testing.TB, address string) *sql.DB {
	t.Helper()
	name := "t" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin, err := connect.SQL(address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ExecContext(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.ExecContext(context.Background(), "DROP SCHEMA "+name+" CASCADE")
		_ = admin.Close()
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return open(t, u.String())
}

// realRedis is a database of the test's own in the server at address, which
// needs many (redis-server --databases 4096).
func realRedis(t testing.TB, address string) *redis.Client {
	t.Helper()
	n, err := client(t, address).Incr(t.Context(), "databases").Result()
	if err != nil {
		t.Fatal(err)
	}
	rdb := client(t, fmt.Sprintf("%s/%d", strings.TrimRight(address, "/"), 1+n%4095))
	if err := rdb.FlushDB(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return rdb
}

func client(t testing.TB, address string) *redis.Client {
	t.Helper()
	rdb, err := connect.Redis(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}
