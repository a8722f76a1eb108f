package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared"
	"somssi/shared/eventtest"
)

// More come at once than there are places and queues for: those that are refused
// hear when to come again, and what was accepted is not lost by that.
func TestOverload_loses_nothing_that_was_accepted(t *testing.T) {
	h, err := harness.Start(t.Context(), options(t, t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Stop(context.Background()) }()
	before := h.Functions()
	var signedIn struct{ Token string }
	if err := harness.Ask(t.Context(), h.Run, http.MethodPost, "/dev/token", map[string]int{"user": 7}, &signedIn); err != nil {
		t.Fatal(err)
	}
	users := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 800}}
	register := func(i int) (status int, id int64, again string) {
		talent, _ := json.Marshal(client.Talent{Category: category(i), Title: "x", PriceKrw: 1, Tags: []string{}})
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Run.URL+"/talents", bytes.NewReader(talent))
		r.Header = http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + signedIn.Token}}
		answer, err := users.Do(r)
		if err != nil {
			t.Error(err)
			return 0, 0, ""
		}
		defer func() { _ = answer.Body.Close() }()
		var made struct{ TalentID int64 }
		_ = json.NewDecoder(answer.Body).Decode(&made) // a refusal of the queue is no JSON
		return answer.StatusCode, made.TalentID, answer.Header.Get("Retry-After")
	}
	var mu sync.Mutex
	accepted, refused := map[int64]string{}, 0
	client.Arrive(t.Context(), 1, 20_000, 4000, 800, func(i int) {
		status, id, again := register(i)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case status == http.StatusCreated && accepted[id] == "":
			accepted[id] = category(i)
		case status == http.StatusServiceUnavailable && again == "1":
			refused++
		default:
			t.Errorf("answered %d, talent %d, Retry-After %q", status, id, again)
		}
	})
	if refused == 0 || len(accepted) == 0 {
		t.Fatalf("%d refused and %d accepted: there was no overload", refused, len(accepted))
	}
	t.Logf("%d accepted, %d refused", len(accepted), refused)
	if status, id, _ := register(0); status != http.StatusCreated {
		t.Errorf("afterwards: %d", status)
	} else {
		accepted[id] = category(0)
	}
	db, rdb := sqlOf(t, h), redisOf(t, h)
	eventtest.Eventually(t, fmt.Sprintf("%d stored, %d told, %d counted", len(accepted), len(accepted), len(accepted)), func() string {
		return kept(t.Context(), db, rdb, accepted)
	})
	for name, f := range h.Functions() {
		if f.PID != before[name].PID {
			t.Errorf("%s was process %d and is %d", name, before[name].PID, f.PID)
		}
		if peak := peak(t, f.PID); peak > 64 {
			t.Errorf("%s had %d MiB, and may have 64", name, peak)
		}
	}
}

func category(i int) string { return fmt.Sprintf("overload-%d", i%20) } // a timeline keeps 1,000

// kept is how many talents are stored and counted in all, and how many of those accepted are in their timelines.
func kept(ctx context.Context, db *sql.DB, rdb *redis.Client, accepted map[int64]string) string {
	var stored, counted, told int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM talents`).Scan(&stored); err != nil {
		return err.Error()
	}
	for shard := range shared.StatsShards {
		n, _ := rdb.HGet(ctx, fmt.Sprintf(shared.StatsTotals, shard), "talents").Int()
		counted += n
	}
	for id, category := range accepted {
		if rdb.ZScore(ctx, fmt.Sprintf(shared.Timeline, category), fmt.Sprintf(shared.Member, id, 7)).Err() == nil {
			told++
		}
	}
	return fmt.Sprintf("%d stored, %d told, %d counted", stored, told, counted)
}

// peak is the most memory that a process has had, in MiB; 0 where the system does not tell.
func peak(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Log(err)
		return 0
	}
	_, most, _ := strings.Cut(string(text), "VmHWM:")
	most, _, _ = strings.Cut(most, "kB")
	kib, err := strconv.Atoi(strings.TrimSpace(most))
	if err != nil {
		t.Error(err)
	}
	return kib >> 10
}
