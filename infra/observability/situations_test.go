package observability

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/local/parts"
	"somssi/shared"
	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

// TestRunbooks does on real parts what the pages say: of each, that its commands work on a
// house where nothing is wrong; of some, that they mend what they are for.
func TestRunbooks(t *testing.T) {
	eventtest.Real(t, parts.TestKafka, parts.TestRedis, parts.TestSQL) // where these run, others do
	startHouse(t)
	db, err := connect.SQL(house.parts.SQL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, page := range runbooks(t) {
		t.Run(strings.TrimSuffix(page, ".md"), func(t *testing.T) {
			s := read(t, page)
			if out, err := do(t, s.look+s.stop+s.verify); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
	t.Run("DeadLetters_mends", func(t *testing.T) { deadLetters(t) })
	t.Run("ViewsRepaired_mends", func(t *testing.T) { emptyRedis(t) })
	t.Run("RedisUnsafe_mends", func(t *testing.T) { forgetful(t) })
	t.Run("EventsLate_mends", func(t *testing.T) { paused(t) })
	t.Run("RegistrationBurnsBudget_mends", func(t *testing.T) { locked(t, db) })
	t.Run("OutboxOld_mends", func(t *testing.T) { kafkaAway(t, db) })
}

func said(t *testing.T, where, text string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("%s does not tell of %q:\n%s", where, word, text)
		}
	}
}

// Two plain messages are refused. After the page there is no dead letter.
func deadLetters(t *testing.T) {
	kafka, err := kgo.NewClient(kgo.SeedBrokers(house.parts.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	for range 2 {
		record := &kgo.Record{Topic: "new_talent_events", Value: []byte(`{"type":"new_talent","talent_id":-1,"title":"x","category":"music"}`)}
		if err := kafka.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	eventtest.Eventually(t, "2", func() string { return figure(t, "keep-dead-letters", "somssi_dead_letters") })
	seen := follow(t, "DeadLetters.md", func() {})
	said(t, "Look", seen, "adopt-talent", "422")
	eventtest.Eventually(t, "0", func() string { return figure(t, "keep-dead-letters", "somssi_dead_letters") })
}

// Redis forgets all. After the page the inbox is what it was.
func emptyRedis(t *testing.T) {
	u := told(t, "forgotten")
	if err := redisOf(t).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := inbox(t, u); got != "0" {
		t.Fatalf("%s in the inbox of an empty Redis", got)
	}
	follow(t, "ViewsRepaired.md", func() {})
	if got := inbox(t, u); got != "1" {
		t.Errorf("%s in the inbox, want 1", got)
	}
}

// Redis was told to let go of what it holds, and did. After the page it does not any more, and all is there again.
func forgetful(t *testing.T) {
	u := told(t, "evicted")
	rdb := redisOf(t)
	if err := errors.Join(rdb.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(), rdb.Del(t.Context(), fmt.Sprintf(shared.Timeline, "evicted")).Err()); err != nil {
		t.Fatal(err)
	}
	seen := follow(t, "RedisUnsafe.md", func() {})
	said(t, "Look", seen, "has maxmemory-policy allkeys-lru", "role:master", "maxmemory_policy:allkeys-lru")
	if got := inbox(t, u); got != "1" {
		t.Errorf("%s in the inbox, want 1", got)
	}
}

// told is a newcomer who has one talent of the category in the inbox.
func told(t *testing.T, category string) *client.User {
	t.Helper()
	u := newcomer(t, category)
	if err := register(t.Context(), category); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "1", func() string { return inbox(t, u) })
	return u
}

func redisOf(t *testing.T) *redis.Client {
	t.Helper()
	client, err := connect.Redis(house.parts.Redis)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// Somebody left a source paused. After the page its group is at the end.
func paused(t *testing.T) {
	if out, err := do(t, "go run ./local pause update-stats"); err != nil {
		t.Fatal(err, out)
	}
	if err := register(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "1", func() string { return fmt.Sprint(lag(t, "update-stats")) })
	seen := follow(t, "EventsLate.md", func() {})
	said(t, "Look", seen, "update-stats/talents  paused", `consumergroup="talent_statistics"`)
	if got := lag(t, "update-stats"); got != 0 {
		t.Errorf("%d wait, want none", got)
	}
}

// Somebody at a prompt holds the talents. After the page people register.
func locked(t *testing.T, db *sql.DB) {
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn }) // not to be kept, with its lock
		_ = conn.Close()
	}()
	for _, statement := range []string{"BEGIN", "LOCK TABLE talents"} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	registered := make(chan error, 1)
	go func() { registered <- register(t.Context(), "locked") }()
	log := filepath.Join(house.state, ".somssi", "logs", "register-talent.log")
	eventtest.Eventually(t, "true", func() string {
		text, err := os.ReadFile(log)
		return fmt.Sprint(err == nil && strings.Contains(string(text), ":503,"))
	})
	seen := follow(t, "RegistrationBurnsBudget.md", func() {})
	said(t, "Look", seen, "deadline exceeded", "LOCK TABLE talents")
	if err := <-registered; err != nil {
		t.Errorf("not registered after the page: %v", err)
	}
}

// Kafka is away while somebody registers. It comes back, and after the page everybody knows.
func kafkaAway(t *testing.T, db *sql.DB) {
	u := newcomer(t, "away")
	if err := house.parts.Kill(parts.Kafka); err != nil {
		t.Fatal(err)
	}
	if err := register(t.Context(), "away"); err != nil {
		t.Errorf("not registered while Kafka is away: %v", err)
	}
	eventtest.Eventually(t, "true", func() string {
		var n int
		err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM outbox").Scan(&n)
		return fmt.Sprint(n > 0 && err == nil)
	})
	seen := follow(t, "OutboxOld.md", func() {
		if err := house.parts.Again(t.Context(), parts.Kafka); err != nil {
			t.Fatal(err)
		}
	})
	said(t, "Look", seen, "KAFKA_BROKERS", "new_talent_events")
	if got := inbox(t, u); got != "1" {
		t.Errorf("%s in the inbox, want 1", got)
	}
}

func inbox(t *testing.T, u *client.User) string {
	t.Helper()
	items, _, err := u.Inbox(t.Context())
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(len(items))
}

func lag(t *testing.T, function string) int64 {
	t.Helper()
	var all []harness.Source
	if err := harness.Get(house.Run, "/dev/sources", &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Function == function {
			return s.Lag
		}
	}
	t.Fatalf("%s has no source", function)
	return 0
}

// figure is the value of a function's metric without labels of its own.
func figure(t *testing.T, function, name string) string {
	t.Helper()
	answer, err := http.Get(house.Functions()[function].Metrics)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = answer.Body.Close() }()
	families, err := textParser().TextToMetricFamilies(answer.Body)
	if err != nil || families[name] == nil {
		return fmt.Sprint("no ", name, err)
	}
	return fmt.Sprint(families[name].Metric[0].GetGauge().GetValue())
}
