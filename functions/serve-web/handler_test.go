package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"somssi/shared"
	"somssi/shared/eventtest"
)

func TestStats_adds_up_the_shards(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		last := time.Date(2026, 11, 23, 0, 10, 0, 0, time.UTC) // the hour begins the day before
		for shard, day := range map[int]string{0: "2026-11-22", 3: "2026-11-23", 15: "2026-11-23"} {
			s.Redis.HSet(t.Context(), fmt.Sprintf(shared.StatsTotals, shard), "talents", 2, "category:music", 1, fmt.Sprintf("category:c%d", shard), 1)
			// 23:10 is before the hour, 23:11 its first minute, 00:10 its last, 00:11 to come.
			s.Redis.HSet(t.Context(), fmt.Sprintf(shared.StatsMinutes, shard, day), 23*60+10, 100, 23*60+11, 1, 10, 2, 11, 100)
		}
		f, err := handler{s.Redis}.add(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		if f.Talents != 6 || f.ByCategory["music"] != 3 || f.ByCategory["c15"] != 1 || len(f.ByCategory) != 4 {
			t.Errorf("totals %d %v", f.Talents, f.ByCategory)
		}
		if n := len(f.PerMinute); n != 60 {
			t.Fatalf("%d minutes, want 60", n)
		}
		first, newest := f.PerMinute[0], f.PerMinute[59]
		if first.Minute != last.Add(-59*time.Minute) || first.Talents != 1 || newest.Minute != last || newest.Talents != 4 {
			t.Errorf("first %v, last %v; want 1 at 23:11 and 4 at 00:10", first, newest)
		}
		sum := 0
		for _, m := range f.PerMinute {
			sum += m.Talents
		}
		if sum != 5 {
			t.Errorf("%d in the hour, want 5", sum)
		}
	})
}

func TestStats_of_nothing(t *testing.T) {
	w := httptest.NewRecorder()
	handler{eventtest.Embedded(t).Redis}.routes().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stats", nil))
	var f figures
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != http.StatusOK || f.Talents != 0 || len(f.PerMinute) != 60 || f.ByCategory == nil {
		t.Errorf("%d %s (%v)", w.Code, w.Body, err)
	}
}

func TestStats_while_redis_is_away(t *testing.T) {
	w := httptest.NewRecorder()
	handler{eventtest.RedisAway(t)}.routes().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stats", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s, want 503", w.Code, w.Body)
	}
}

func TestRoutes(t *testing.T) {
	for path, want := range map[string]int{"/": 200, "/app.js": 200, "/nothing": 404} {
		w := httptest.NewRecorder()
		handler{eventtest.Embedded(t).Redis}.routes().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
	}
}
