package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared"
	"somssi/shared/eventtest"
)

// After load through the API the reconciler finds nothing to do: what it looks
// for is what the functions write. Of what was dropped one run mends all, and
// nobody hears of it twice.
func TestHouse_mends_what_was_dropped(t *testing.T) {
	mends(t, start(t, options(t, stateOf(t))))
}

// start puts up a house for one test.
func start(t *testing.T, o harness.Options) *harness.Harness {
	t.Helper()
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return h
}

func mends(t *testing.T, h *harness.Harness) {
	t.Helper()
	seller, u := newcomer(t, h), newcomer(t, h)
	follow(t, u, "mended")
	frames := told(t, u)
	open := registerSome(t, seller, 40)
	db, rdb := sqlOf(t, h), redisOf(t, h)
	eventtest.Eventually(t, fmt.Sprint(len(open), 40), func() string {
		items, _, _ := u.Inbox(t.Context())
		return fmt.Sprint(len(items), counted(t, u, "mended"))
	})
	if _, err := db.ExecContext(t.Context(), `UPDATE talents SET changed_ms = changed_ms - 180000`); err != nil { // 3 minutes went by
		t.Fatal(err)
	}
	reconcile(t, h)
	if got := repaired(t, h); got != "timeline 0, withdrawn 0, statistics 0, cache 0" {
		t.Errorf("repaired %s of what nothing lacked", got)
	}

	now := time.Now().UnixMilli() // after u began to follow
	for id := range 3 {           // whose registration no function got
		_, err := db.ExecContext(t.Context(), `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
			VALUES ($1, 1, 5, 'mended', 'dropped', 0, '[]', 'open', $2, $3)`, id+1, now, now-180_000)
		if err != nil {
			t.Fatal(err)
		}
	}
	var closed, changed int64
	if err := db.QueryRowContext(t.Context(), `SELECT MIN(CASE state WHEN 'closed' THEN talent_id END), MIN(CASE WHEN state = 'open' AND version > 1 THEN talent_id END)
		FROM talents WHERE talent_id > 3`).Scan(&closed, &changed); err != nil {
		t.Fatal(err)
	}
	sellerID := lastUser - 1
	rdb.ZAdd(t.Context(), "tl:mended", redis.Z{Score: float64(now), Member: fmt.Sprintf(shared.Member, closed, sellerID)}) // whose closing no function got
	rdb.ZRem(t.Context(), "{tl:mended}:gone", closed)
	rdb.Set(t.Context(), fmt.Sprintf(shared.TalentCache, changed), `{"version":1,"until":99999999999999,"delta":1,"body":{"title":"before"}}`, 0) // nor its change

	for range 2 {
		reconcile(t, h)
		eventtest.Eventually(t, fmt.Sprint(len(open)+3, 43), func() string {
			items, _, _ := u.Inbox(t.Context())
			return fmt.Sprint(len(items), counted(t, u, "mended"))
		})
		if got := repaired(t, h); got != "timeline 3, withdrawn 1, statistics 3, cache 1" {
			t.Errorf("repaired %s", got)
		}
	}
	eventtest.Eventually(t, "false after", func() string {
		var talent struct{ Title string }
		_, _ = u.Do(t.Context(), http.MethodGet, fmt.Sprintf("/talents/%d", changed), nil, &talent, nil)
		_, err := rdb.ZScore(t.Context(), "tl:mended", fmt.Sprintf(shared.Member, closed, sellerID)).Result()
		return fmt.Sprint(err == nil, " ", talent.Title)
	})
	eventtest.Eventually(t, "3 of those dropped", func() string {
		n := 0
		for id, times := range frames() {
			if times > 1 {
				t.Errorf("talent %d was told %d times", id, times)
			}
			if id <= 3 {
				n++
			}
		}
		return fmt.Sprint(n, " of those dropped")
	})
}

// registerSome registers n talents, changes every third and closes every fourth, and returns those still open.
func registerSome(t *testing.T, seller *client.User, n int) (open []int64) {
	t.Helper()
	for i := range n {
		id, err := seller.Register(t.Context(), client.Talent{Category: "mended", Title: "before", PriceKrw: 1}, uuid.NewString())
		if err != nil {
			t.Fatal(err)
		}
		path := fmt.Sprintf("/talents/%d", id)
		if _, err := seller.Do(t.Context(), http.MethodGet, path, nil, nil, nil); err != nil { // to be in the cache
			t.Fatal(err)
		}
		if i%3 == 0 {
			if _, err := seller.Do(t.Context(), http.MethodPatch, path, map[string]string{"title": "after"}, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if i%4 == 0 {
			if _, err := seller.Do(t.Context(), http.MethodDelete, path, nil, nil, nil); err != nil {
				t.Fatal(err)
			}
		} else {
			open = append(open, id)
		}
	}
	return open
}

// told is how often a stream of u, from now on, is told of each talent.
func told(t *testing.T, u *client.User) func() map[int64]int {
	t.Helper()
	var mu sync.Mutex
	times, opened := map[int64]int{}, make(chan struct{}, 100)
	ctx, cancel := context.WithCancel(t.Context())
	var stream sync.WaitGroup
	stream.Go(func() {
		u.Stream(ctx, func() { opened <- struct{}{} }, func(i client.Item) {
			mu.Lock()
			defer mu.Unlock()
			if i.Title != "after" { // a change is told of, too
				times[i.TalentID]++
			}
		})
	})
	t.Cleanup(func() { cancel(); stream.Wait() })
	<-opened
	return func() map[int64]int {
		mu.Lock()
		defer mu.Unlock()
		out := map[int64]int{}
		for id, n := range times {
			out[id] = n
		}
		return out
	}
}

// reconcile sets the reconciler off, as its clock does.
func reconcile(t *testing.T, h *harness.Harness) {
	t.Helper()
	tick := `{"specversion":"1.0","id":"` + uuid.NewString() + `","source":"/test","type":"dev.knative.sources.ping"}`
	response, err := http.Post(h.Functions()["reconcile-views"].URL, "application/cloudevents+json", bytes.NewReader([]byte(tick)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("the reconciler answered %s", response.Status)
	}
}

var counter = regexp.MustCompile(`(?m)^somssi_repairs_total\{function="reconcile-views",view="(\w+)"\} (\S+)$`)

// repaired is what the reconciler's counters say.
func repaired(t *testing.T, h *harness.Harness) string {
	t.Helper()
	response, err := http.Get(h.Functions()["reconcile-views"].Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]float64{}
	for _, found := range counter.FindAllStringSubmatch(string(text), -1) {
		n[found[1]], _ = strconv.ParseFloat(found[2], 64)
	}
	var out []string
	for _, view := range []string{"timeline", "withdrawn", "statistics", "cache"} {
		out = append(out, fmt.Sprintf("%s %.0f", view, n[view]))
	}
	return strings.Join(out, ", ")
}
