package parts

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/template"
	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

// realOptions are those of real parts on free ports, in a folder that
// PostgreSQL's own user can enter.
func realOptions(t *testing.T) Options {
	t.Helper()
	eventtest.Real(t, TestKafka, TestRedis, TestSQL) // where these run, others do
	dir, err := os.MkdirTemp("", "real-parts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	jars, err := filepath.Abs("../../.somssi")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return Options{Dir: dir, Real: true, Jars: jars, Say: t.Logf, Topics: map[string]template.Topic{"t": {Partitions: 2, Replication: 3}}}
}

// What the tests get is made for many of them at a time.
func TestStartForTests(t *testing.T) {
	at := eventtest.Real(t, TestRedis, TestSQL)
	o, err := redis.ParseURL(at[0])
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	for name, want := range map[string]string{"databases": "4096", "appendonly": "no", "save": ""} {
		if got, err := client.ConfigGet(t.Context(), name).Result(); err != nil || got[name] != want {
			t.Errorf("%s of Redis is %q (%v), want %q", name, got[name], err, want)
		}
	}
	db, err := connect.SQL(at[1])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for name, want := range map[string]string{"fsync": "off", "synchronous_commit": "on", "max_connections": "500"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "SHOW "+name).Scan(&got); err != nil || got != want {
			t.Errorf("%s of PostgreSQL is %q (%v), want %q", name, got, err, want)
		}
	}
}

// Real parts keep what they acknowledged from one start to the next, and nothing
// of them runs on after a stop.
func TestReal_keeps_what_it_has(t *testing.T) {
	for _, variable := range []string{"KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL"} {
		t.Setenv(variable, "") // or a running one would be used
	}
	o := realOptions(t)
	if runtime.GOOS == "linux" { // which has it without asking
		o.Host = "127.0.0.2"
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	for start := range 2 {
		p, err := Start(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join([]string{kafkaHas(ctx, t, p.Kafka, start), redisHas(ctx, t, p.Redis, start), sqlHas(ctx, t, p.SQL, start)}, ", ")
		if want := []string{"nothing, nothing, nothing", "record, key, row"}[start]; got != want {
			t.Errorf("start %d finds %s, want %s", start, got, want)
		}
		if at := p.Kafka + p.Redis + p.SQL; o.Host != "" && strings.Count(at, o.Host) != 3 {
			t.Errorf("reached at %s, want all at %s", at, o.Host)
		}
		if p.EmptyRedis != (start == 0) {
			t.Errorf("start %d: EmptyRedis is %v", start, p.EmptyRedis)
		}
		p.Stop()
		if client, err := kgo.NewClient(kgo.SeedBrokers(p.Kafka), kgo.RequestRetries(0)); err == nil {
			if client.Ping(ctx) == nil {
				t.Error("Kafka runs on")
			}
			client.Close()
		}
	}
}

func kafkaHas(ctx context.Context, t *testing.T, address string, start int) string {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics("t"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if start == 0 {
		if err := client.ProduceSync(ctx, &kgo.Record{Topic: "t", Value: []byte("record")}).FirstErr(); err != nil {
			t.Error(err)
		}
		return "nothing"
	}
	for _, r := range client.PollRecords(ctx, 1).Records() {
		return string(r.Value)
	}
	return "no record"
}

func redisHas(ctx context.Context, t *testing.T, address string, start int) string {
	t.Helper()
	client, err := connect.Redis(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	got := client.Get(ctx, "k").Val()
	if start == 0 && got == "" {
		if err := client.Set(ctx, "k", "key", 0).Err(); err != nil {
			t.Error(err)
		}
		return "nothing"
	}
	return got
}

func sqlHas(ctx context.Context, t *testing.T, address string, start int) string {
	t.Helper()
	db, err := connect.SQL(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var category string
	err = db.QueryRowContext(ctx, `SELECT category FROM interests WHERE user_id = 7`).Scan(&category)
	if start == 0 && err == sql.ErrNoRows { //nolint:errorlint // it is that very one
		if _, err := db.ExecContext(ctx, `INSERT INTO interests (user_id, category, since_ms) VALUES (7, 'row', 1)`); err != nil {
			t.Error(err)
		}
		return "nothing"
	}
	return fmt.Sprint(category)
}
