package parts

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/template"
	"somssi/shared/connect"
)

// realOptions are those of real parts on free ports, in a folder that
// PostgreSQL's own user can enter.
func realOptions(t *testing.T) Options {
	t.Helper()
	_, noPostgres := postgresPrograms()
	for _, program := range []string{"java", "mvn", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil || noPostgres != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s or PostgreSQL is not installed", program)
			}
			t.Skipf("%s or PostgreSQL is not installed", program)
		}
	}
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

// Real parts keep what they acknowledged from one start to the next, and nothing
// of them runs on after a stop.
func TestReal_keeps_what_it_has(t *testing.T) {
	for _, variable := range []string{"KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL"} {
		t.Setenv(variable, "") // or a running one would be used
	}
	o := realOptions(t)
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
