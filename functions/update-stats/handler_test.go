package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"somssi/shared"
	"somssi/shared/eventtest"
)

func TestHandle(t *testing.T) {
	const guitar = "09:00=1 category:music=1 talents=1"
	for _, tc := range []struct {
		name   string
		events []string // testdata: what arrives, in order
		fate   string   // of the last event
		want   string   // the figures of that day
	}{
		{name: "counts_a_talent", events: []string{"guitar-registered"}, fate: "done", want: guitar},
		{name: "counts_by_category_and_minute", events: []string{"guitar-registered", "piano-registered", "logo-registered"}, fate: "done",
			want: "09:00=2 23:59=1 category:design=1 category:music=2 talents=3"},
		{name: "counts_once_for_two_deliveries", events: []string{"guitar-registered", "guitar-registered"}, fate: "done", want: guitar},
		{name: "counts_once_for_two_events", events: []string{"guitar-registered", "guitar-again"}, fate: "done", want: guitar},
		{name: "counts_what_is_closed_too", events: []string{"guitar-closed", "guitar-registered"}, fate: "done", want: guitar},
		{name: "does_not_count_a_closing", events: []string{"guitar-closed"}, fate: "done"},
		{name: "gives_up_on_no_time", events: []string{"no-time"}, fate: "dead letter"},
		{name: "gives_up_on_what_is_no_talent", events: []string{"not-json"}, fate: "dead letter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				var err error
				for _, name := range tc.events {
					err = handler{s.Redis}.handle(t.Context(), eventtest.Load(t, name+".json"))
				}
				if got := eventtest.Fate(err); got != tc.fate {
					t.Errorf("fate %q, want %q (%v)", got, tc.fate, err)
				}
				if got := figures(t, s); got != tc.want {
					t.Errorf("figures %q, want %q", got, tc.want)
				}
			})
		})
	}
}

func TestHandle_asks_again_while_redis_is_away(t *testing.T) {
	err := handler{eventtest.RedisAway(t)}.handle(t.Context(), eventtest.Load(t, "guitar-registered.json"))
	if got := eventtest.Fate(err); got != "again" {
		t.Errorf("fate %q, want again (%v)", got, err)
	}
}

// The figures after any history with repetitions, and after Redis was emptied
// and rebuilt, are those of SQL.
func TestRebuild_gives_the_same_figures(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := handler{s.Redis}
		for i := range 200 {
			_, err := s.DB.ExecContext(t.Context(), `
				INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
				VALUES ($1, 1, 7, $2, 'x', 0, '[]', 'open', $3, $3)`, i+1, "c"+strconv.Itoa(i%7), 1795338000000+int64(i)*7000)
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := h.rebuild(t.Context(), s.DB); err != nil {
			t.Fatal(err)
		}
		want := figures(t, s)
		if !strings.HasSuffix(want, " talents=200") || !strings.Contains(want, "category:c0=29 ") || !strings.HasPrefix(want, "09:00=9 ") {
			t.Fatalf("rebuilt figures are %q", want)
		}

		e := eventtest.Load(t, "guitar-registered.json")
		s.Redis.FlushDB(t.Context())
		random := rand.New(rand.NewPCG(1, 2))
		for range 3 {
			for _, i := range random.Perm(200)[:150] { // in any order, some of them again
				at := int64(1795338000000) + int64(i)*7000
				data := fmt.Sprintf(`{"talentId":%d,"category":"c%d","at":"2026-11-22T%02d:%02d:%02dZ"}`,
					i+1, i%7, 9+(at-1795338000000)/3600000, (at-1795338000000)/60000%60, (at-1795338000000)/1000%60)
				e.DataEncoded = []byte(data)
				if err := h.handle(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := h.rebuild(t.Context(), s.DB); err != nil { // what no delivery told
			t.Fatal(err)
		}
		if got := figures(t, s); got != want {
			t.Errorf("figures %q\nwant    %q", got, want)
		}
	})
}

// figures adds up all shards for 2026-11-22.
func figures(t *testing.T, s eventtest.Stores) string {
	t.Helper()
	sums := map[string]int{}
	for shard := range shared.StatsShards {
		for _, key := range []string{fmt.Sprintf(shared.StatsTotals, shard), fmt.Sprintf(shared.StatsMinutes, shard, "2026-11-22")} {
			hash, err := s.Redis.HGetAll(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range hash {
				if minute, err := strconv.Atoi(name); err == nil {
					name = fmt.Sprintf("%02d:%02d", minute/60, minute%60)
				}
				n, err := strconv.Atoi(text)
				if err != nil {
					t.Fatal(err)
				}
				sums[name] += n
			}
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, fmt.Sprintf("%s=%d", name, sums[name]))
	}
	return strings.Join(out, " ")
}
