package main

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

func TestHandle(t *testing.T) {
	const guitar, piano = "1001:7@1795338000123", "1002:8@1795339800000"
	for _, tc := range []struct {
		name   string
		events []string // testdata: what arrives, in order
		fate   string   // of the last event
		want   string   // the timeline of music, oldest first
		hints  string   // what streams are told, in order
	}{
		{name: "enters_a_new_talent", events: []string{"guitar-registered"}, fate: "done", want: guitar, hints: "registered 1001"},
		{name: "enters_by_time_whatever_the_order", events: []string{"piano-registered", "guitar-registered"}, fate: "done",
			want: guitar + " " + piano, hints: "registered 1002, registered 1001"},
		{name: "enters_once_for_two_deliveries", events: []string{"guitar-registered", "guitar-registered"}, fate: "done", want: guitar, hints: "registered 1001"},
		{name: "leaves_the_entry_of_a_changed_talent", events: []string{"guitar-registered", "guitar-changed"}, fate: "done", want: guitar,
			hints: "registered 1001, changed 1001"},
		{name: "does_not_enter_on_a_change", events: []string{"guitar-changed"}, fate: "done", hints: "changed 1001"},
		{name: "withdraws_a_closed_talent", events: []string{"guitar-registered", "piano-registered", "guitar-closed"}, fate: "done", want: piano,
			hints: "registered 1001, registered 1002, withdrawn 1001"},
		{name: "withdraws_once_for_two_deliveries", events: []string{"guitar-registered", "guitar-closed", "guitar-closed"}, fate: "done",
			hints: "registered 1001, withdrawn 1001"},
		{name: "does_not_bring_back_what_was_closed", events: []string{"guitar-registered", "guitar-closed", "guitar-registered"}, fate: "done",
			hints: "registered 1001, withdrawn 1001"},
		{name: "does_not_enter_what_is_closed_already", events: []string{"guitar-closed", "guitar-registered"}, fate: "done"},
		{name: "lets_a_plain_message_pass", events: []string{"plain"}, fate: "done"},
		{name: "gives_up_on_no_time", events: []string{"no-time"}, fate: "dead letter"},
		{name: "gives_up_on_a_bad_category", events: []string{"bad-category"}, fate: "dead letter"},
		{name: "gives_up_on_what_is_no_talent", events: []string{"not-json"}, fate: "dead letter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				hints := listen(t, s)
				var err error
				for _, name := range tc.events {
					err = handler{s.Redis}.handle(t.Context(), eventtest.Load(t, name+".json"))
				}
				if got := eventtest.Fate(err); got != tc.fate {
					t.Errorf("fate %q, want %q (%v)", got, tc.fate, err)
				}
				if got := timeline(t, s, "music"); got != tc.want {
					t.Errorf("timeline %q, want %q", got, tc.want)
				}
				if got := hints(); got != tc.hints {
					t.Errorf("hints %q, want %q", got, tc.hints)
				}
			})
		})
	}
}

func TestHandle_asks_again_while_redis_is_away(t *testing.T) {
	for _, name := range []string{"guitar-registered", "guitar-changed", "guitar-closed"} {
		err := handler{eventtest.RedisAway(t)}.handle(t.Context(), eventtest.Load(t, name+".json"))
		if got := eventtest.Fate(err); got != "again" {
			t.Errorf("%s: fate %q, want again (%v)", name, got, err)
		}
	}
}

// Whatever the order and however often, the end is the same.
func TestHandle_does_not_care_about_order(t *testing.T) {
	s := eventtest.Embedded(t)
	events := []string{"guitar-registered", "guitar-changed", "guitar-closed", "guitar-registered", "guitar-closed"}
	permutations(events, func(order []string) {
		s.Redis.FlushDB(t.Context())
		for _, name := range order {
			if err := (handler{s.Redis}).handle(t.Context(), eventtest.Load(t, name+".json")); err != nil {
				t.Fatal(err)
			}
		}
		if got := timeline(t, s, "music"); got != "" {
			t.Errorf("%v: timeline %q, want none", order, got)
		}
	})
}

func TestHandle_keeps_the_newest_thousand(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		for i := range int64(1003) {
			if err := enter(t.Context(), s.Redis, false, talent{ID: i + 1, Seller: 1, Category: "music", At: time.UnixMilli(1000 + i)}); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Redis.ZRange(t.Context(), "tl:music", 0, -1).Result()
		if err != nil || len(got) != 1000 || got[0] != "4:1" || got[999] != "1003:1" {
			t.Errorf("%d entries from %.5v to %.5v, want the newest 1000 (%v)", len(got), got[:1], got[len(got)-1:], err)
		}
	})
}

func TestRebuild(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := handler{s.Redis}
		insert(t, s.DB, 1001, "open", 1795338000123, 1795338000123)
		days := time.Now().Add(-8 * 24 * time.Hour) // the topic has forgotten by then
		lately, before := days.Add(time.Minute).UnixMilli(), days.Add(-time.Minute).UnixMilli()
		insert(t, s.DB, 1002, "closed", 1795338000124, lately)
		insert(t, s.DB, 1003, "closed", 1795338000124, before)
		for range 2 { // beside what is there already, too
			if err := h.rebuild(t.Context(), s.DB); err != nil {
				t.Fatal(err)
			}
			if got, want := timeline(t, s, "music"), "1001:7@1795338000123"; got != want {
				t.Errorf("timeline %q, want %q", got, want)
			}
		}
		gone, err := s.Redis.ZRangeWithScores(t.Context(), "{tl:music}:gone", 0, -1).Result()
		if want := []redis.Z{{Member: "1002", Score: float64(lately)}}; err != nil || !slices.Equal(gone, want) {
			t.Errorf("left %v (%v), want %v: a late delivery would bring it back", gone, err, want)
		}
	})
}

func insert(t *testing.T, db *sql.DB, id int64, state string, registered, changed int64) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `
		INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
		VALUES ($1, 1, 7, 'music', 'x', 0, '[]', $2, $3, $4)`, id, state, registered, changed)
	if err != nil {
		t.Fatal(err)
	}
}

func timeline(t *testing.T, s eventtest.Stores, category string) string {
	t.Helper()
	entries, err := s.Redis.ZRangeWithScores(t.Context(), fmt.Sprintf(shared.Timeline, category), 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%s@%.0f", e.Member, e.Score))
	}
	return strings.Join(out, " ")
}

// listen returns what was published to music since it was called.
func listen(t *testing.T, s eventtest.Stores) func() string {
	t.Helper()
	channel := fmt.Sprintf(shared.Hints, "music")
	sub := s.Redis.Subscribe(t.Context(), channel)
	t.Cleanup(func() { _ = sub.Close() })
	if _, err := sub.Receive(t.Context()); err != nil { // subscribed
		t.Fatal(err)
	}
	return func() string {
		if err := s.Redis.Publish(t.Context(), channel, "end").Err(); err != nil {
			t.Fatal(err)
		}
		var out []string
		for m := range sub.Channel() {
			if m.Payload == "end" {
				break
			}
			out = append(out, m.Payload)
		}
		return strings.Join(out, ", ")
	}
}

func permutations(all []string, do func([]string)) {
	var extend func(done, left []string)
	extend = func(done, left []string) {
		if len(left) == 0 {
			do(done)
		}
		for i := range left {
			rest := slices.Delete(slices.Clone(left), i, i+1)
			extend(append(slices.Clone(done), left[i]), rest)
		}
	}
	extend(nil, all)
}
