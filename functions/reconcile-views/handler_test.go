package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const (
	topic = "new_talent_events"
	day   = 24 * time.Hour
)

func TestHandle(t *testing.T) {
	guitar := func(change func(g *talent)) talent {
		g := talent{TalentID: 1001, Version: 2, SellerID: 7, Category: "music", Title: "guitar", Tags: `["a"]`, State: "open",
			RegisteredMs: ago(time.Hour), ChangedMs: ago(10 * time.Minute)}
		if change != nil {
			change(&g)
		}
		return g
	}
	closed := func(g *talent) { g.State, g.Version = "closed", 3 }
	for _, tc := range []struct {
		name   string
		talent talent
		lost   func(r redis.Cmdable, c context.Context) // of what the talent's events had made
		told   string                                   // events, in order
		views  string                                   // where something is repaired
	}{
		{name: "repairs_nothing_where_nothing_lacks", talent: guitar(nil)},
		{name: "repairs_nothing_of_what_is_closed", talent: guitar(closed)},
		{name: "enters_what_is_missing", talent: guitar(nil), told: "registered v2", views: "timeline",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, "tl:music") }},
		{name: "counts_what_is_missing", talent: guitar(nil), told: "registered v2", views: "statistics",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, counted(1001, ago(time.Hour))) }},
		{name: "tells_once_for_two_views", talent: guitar(nil), told: "registered v2", views: "timeline statistics",
			lost: func(r redis.Cmdable, c context.Context) { r.FlushDB(c) }},
		{name: "withdraws_what_is_still_there", talent: guitar(closed), told: "closed v3", views: "withdrawn",
			lost: func(r redis.Cmdable, c context.Context) { r.ZAdd(c, "tl:music", redis.Z{Score: 1, Member: "1001:7"}) }},
		{name: "remembers_what_was_closed", talent: guitar(closed), told: "closed v3", views: "withdrawn",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, "{tl:music}:gone") }},
		{name: "forgets_what_was_closed_long_ago", talent: guitar(func(g *talent) { closed(g); g.ChangedMs = ago(8 * day) }),
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, "{tl:music}:gone") }},
		{name: "admits_what_was_never_closed", talent: guitar(nil), told: "registered v2", views: "timeline barred",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, "tl:music"); bar(r, c, day) }},
		{name: "admits_what_is_there_all_the_same", talent: guitar(nil), told: "registered v2", views: "barred",
			lost: func(r redis.Cmdable, c context.Context) { bar(r, c, day) }},
		{name: "leaves_what_is_closed_just_now", talent: guitar(nil),
			lost: func(r redis.Cmdable, c context.Context) { bar(r, c, time.Second) }},
		{name: "closes_before_it_counts_what_is_closed", talent: guitar(closed), told: "closed v3, registered v3", views: "statistics",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, counted(1001, ago(time.Hour))) }},
		{name: "counts_what_is_old", talent: guitar(func(g *talent) { g.ChangedMs = ago(900 * day) }), told: "registered v2", views: "statistics",
			lost: func(r redis.Cmdable, c context.Context) { r.Del(c, counted(1001, ago(time.Hour))) }},
		{name: "evicts_the_version_before", talent: guitar(nil), told: "changed v2", views: "cache",
			lost: func(r redis.Cmdable, c context.Context) { r.Set(c, "talent:1001", `{"version":1,"body":{"a":1}}`, 0) }},
		{name: "evicts_the_version_before_the_closing", talent: guitar(closed), told: "closed v3", views: "cache",
			lost: func(r redis.Cmdable, c context.Context) { r.Set(c, "talent:1001", `{"version":2,"body":{}}`, 0) }},
		{name: "keeps_the_newest_version", talent: guitar(nil),
			lost: func(r redis.Cmdable, c context.Context) { r.Set(c, "talent:1001", `{"version":2,"body":{}}`, 0) }},
		{name: "keeps_a_tombstone", talent: guitar(nil),
			lost: func(r redis.Cmdable, c context.Context) { r.Set(c, "talent:1001", `{"version":1}`, 0) }},
		{name: "keeps_what_never_shows", talent: guitar(nil),
			lost: func(r redis.Cmdable, c context.Context) { r.Set(c, "talent:1001", `{"version":0,"body":null}`, 0) }},
		{name: "leaves_what_changed_just_now", talent: guitar(func(g *talent) { g.ChangedMs = ago(time.Minute) }),
			lost: func(r redis.Cmdable, c context.Context) { r.FlushDB(c) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				h := start(s)
				insert(t, s.DB, tc.talent)
				tell(t, s, tc.talent)
				if tc.lost != nil {
					tc.lost(s.Redis, t.Context())
				}

				if got := run(t, h); got != tc.views {
					t.Errorf("repaired %q, want %q", got, tc.views)
				}
				if got := told(published(t, s.DB)); got != tc.told {
					t.Errorf("told %q, want %q", got, tc.told)
				}
				if barred := s.Redis.ZCard(t.Context(), "{tl:music}:gone").Val(); strings.Contains(tc.views, "barred") && barred > 0 {
					t.Error("still barred")
				}
				if got := run(t, h); got != "" { // the first one's events are under way
					t.Errorf("repaired %q again", got)
				}
			})
		})
	}
}

// bar lets the guitar have withdrawn.
func bar(r redis.Cmdable, c context.Context, before time.Duration) {
	r.ZAdd(c, "{tl:music}:gone", redis.Z{Score: float64(ago(before)), Member: 1001})
}

// The events are to the letter those of register-talent, but for what nobody
// knows any more.
func TestEvents(t *testing.T) {
	g := gap{talent: talent{TalentID: 1099511627777, Version: 3, SellerID: 42, Category: "piano", Title: "저녁 피아노 레슨", PriceKRW: 35000, Tags: `["초보","성인"]`,
		RegisteredMs: 1772568368891, ChangedMs: 1772568370891}}
	for what, want := range map[string]string{
		"registered": `{"at":"2026-03-03T20:06:08.891Z","category":"piano","priceKrw":35000,"sellerId":42,"tags":["초보","성인"],"talentId":1099511627777,"title":"저녁 피아노 레슨","version":3}`,
		"changed": `{"at":"2026-03-03T20:06:10.891Z","category":"piano","priceKrw":35000,"registeredAt":"2026-03-03T20:06:08.891Z","sellerId":42,"tags":["초보","성인"],` +
			`"talentId":1099511627777,"title":"저녁 피아노 레슨","version":3,"was":{"priceKrw":35000,"title":"저녁 피아노 레슨"}}`,
		"closed": `{"at":"2026-03-03T20:06:10.891Z","category":"piano","priceKrw":35000,"registeredAt":"2026-03-03T20:06:08.891Z","sellerId":42,"tags":["초보","성인"],` +
			`"talentId":1099511627777,"title":"저녁 피아노 레슨","version":3}`,
	} {
		ms := g.ChangedMs
		if what == "registered" {
			ms = g.RegisteredMs
		}
		d := g.draft(what, ms)
		data, err := json.Marshal(d.Data)
		if err != nil || string(data) != want {
			t.Errorf("%s tells %s, want %s (%v)", what, data, want, err)
		}
		if d.Topic != topic || d.Type != "somssi.talent."+what+".v1" || d.Subject != "talent/1099511627777" || d.Key != "1099511627777" || d.At.UnixMilli() != ms {
			t.Errorf("%s: %+v", what, d)
		}
	}
}

// An event that still waits in the outbox is under way.
func TestOutbox(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(s)
		insert(t, s.DB, some(1, 3)...)
		if _, err := s.DB.ExecContext(t.Context(), `INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ('a', 'b', '2', 'c', 0)`); err != nil {
			t.Fatal(err)
		}
		if got := run(t, h); got != "timeline timeline statistics statistics" {
			t.Errorf("repaired %q, want two of three", got)
		}
	})
}

// What a full timeline let go is not asked back, nor after it became shorter.
func TestTimeline_lets_go_of_the_oldest(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(s)
		all := some(1, 1010)
		for i := range all[500:700] {
			all[500+i].State = "closed"
		}
		insert(t, s.DB, all...)
		tell(t, s, all...)
		s.Redis.Del(t.Context(), "tl:music")
		tell(t, s, all[13:]...) // the 12th and 13th are missing, too: after the 12th, 998 were registered
		for range 4 {           // the round has come round
			run(t, h)
		}
		if got := told(published(t, s.DB)); got != "registered v1, registered v1" {
			t.Errorf("told %q, want two of 13 that are missing", got)
		}
	})
}

// One run repairs so many; the next ones go on from there, and none repairs
// what another has.
func TestLimit(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(s)
		insert(t, s.DB, some(1, 2*batch+most)...)
		var n []int
		for range 4 {
			n = append(n, strings.Count(run(t, h), "statistics"), len(published(t, s.DB)))
		}
		if !slices.Equal(n, []int{most, most, 2 * batch, 2 * batch, 0, 0, 0, 0}) {
			t.Errorf("repaired and told %d", n)
		}
	})
}

// A repair can be lost as well: the round finds it, once its event had its time.
func TestRound(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(s)
		all := some(1, 2*batch+10)
		insert(t, s.DB, all...)
		tell(t, s, all...)
		if got := run(t, h); got != "" {
			t.Fatalf("repaired %q", got)
		}
		s.Redis.ZRem(t.Context(), "tl:music", fmt.Sprintf("%d:7", 2*batch+5))
		var got []string
		for range 3 { // batches from the 501st on
			got = append(got, run(t, h))
		}
		if !slices.Equal(got, []string{"", "timeline", ""}) {
			t.Errorf("repaired %q, want it in the third batch", got)
		}
		published(t, s.DB)
		s.Redis.Del(t.Context(), all[2*batch+4].told())
		got = nil
		for range 3 {
			got = append(got, run(t, h))
		}
		if !slices.Equal(got, []string{"", "timeline", ""}) {
			t.Errorf("repaired %q, want it again in the next round", got)
		}
	})
}

func TestAway(t *testing.T) {
	s := eventtest.Embedded(t)
	insert(t, s.DB, some(1, 1)...)
	for name, away := range map[string]eventtest.Stores{"redis": {DB: s.DB, Redis: eventtest.RedisAway(t)}, "sql": {DB: eventtest.SQLAway(t), Redis: s.Redis}} {
		h := start(away)
		if err := h.handle(t.Context(), eventtest.Load(t, "tick.json")); eventtest.Fate(err) != "again" {
			t.Errorf("%s away: fate %q (%v)", name, eventtest.Fate(err), err)
		}
		if got := told(published(t, s.DB)); got != "" {
			t.Errorf("%s away: told %s", name, got)
		}
	}
}

// A run says what it did, in its log and to Prometheus, and 0 where that is nothing.
func TestReport(t *testing.T) {
	s := eventtest.Embedded(t)
	h := start(s)
	var log bytes.Buffer
	ctx := zerolog.New(&log).WithContext(t.Context())
	for _, want := range []string{
		`{"level":"info","compared":0,"repaired":0,"timeline":0,"withdrawn":0,"barred":0,"statistics":0,"cache":0,"limited":false,"message":"reconciled"}`,
		`{"level":"info","compared":2,"repaired":2,"timeline":2,"withdrawn":0,"barred":0,"statistics":2,"cache":0,"limited":false,"message":"reconciled"}`,
	} {
		log.Reset()
		if err := h.handle(ctx, eventtest.Load(t, "tick.json")); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(log.String()); got != want {
			t.Errorf("log %s\nwant %s", got, want)
		}
		insert(t, s.DB, some(1, 2)...)
	}
	if got := fmt.Sprint(count(t, h)); got != "map[barred:0 cache:0 statistics:2 timeline:2 withdrawn:0]" {
		t.Errorf("counted %s", got)
	}
}

func start(s eventtest.Stores) handler {
	return handler{&shared.Outbox{DB: s.DB}, s.Redis, 2 * time.Minute, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "n"}, []string{"view"})}
}

// run is the views where a run repaired something, one for each talent.
func run(t *testing.T, h handler) string {
	t.Helper()
	h.repairs.Reset()
	if err := h.handle(t.Context(), eventtest.Load(t, "tick.json")); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, view := range views {
		out = append(out, slices.Repeat([]string{view}, count(t, h)[view])...)
	}
	return strings.Join(out, " ")
}

// count is what the counters say, by view.
func count(t *testing.T, h handler) map[string]int {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.repairs)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := map[string]int{}
	for _, metric := range families[0].GetMetric() {
		n[metric.GetLabel()[0].GetValue()] = int(metric.GetCounter().GetValue())
	}
	return n
}

func ago(d time.Duration) int64 { return started.Add(-d).UnixMilli() }

var started = time.Now()

// some talents, each a little newer than the one before.
func some(first, n int) (all []talent) {
	for i := range n {
		ms := ago(time.Hour) + int64(i)
		all = append(all, talent{TalentID: int64(first + i), Version: 1, SellerID: 7, Category: "music", Title: "x", Tags: "[]", State: "open", RegisteredMs: ms, ChangedMs: ms})
	}
	return all
}

func insert(t *testing.T, db *sql.DB, all ...talent) {
	t.Helper()
	err := shared.InTx(t.Context(), db, func(tx *sql.Tx) error {
		for _, one := range all {
			_, err := tx.ExecContext(t.Context(), `
				INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`, one.TalentID, one.Version, one.SellerID, one.Category,
				one.Title, one.PriceKRW, one.Tags, one.State, one.RegisteredMs, one.ChangedMs)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func counted(id, ms int64) string {
	return fmt.Sprintf(shared.StatsCounted, shared.StatsShard(id), time.UnixMilli(ms).UTC().Format("2006-01-02T15"))
}

// tell does what the functions do when they are told of talents.
func tell(t *testing.T, s eventtest.Stores, all ...talent) {
	t.Helper()
	_, err := s.Redis.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for _, one := range all {
			p.SAdd(t.Context(), counted(one.TalentID, one.RegisteredMs), one.TalentID)
			if one.State == "open" {
				p.ZAdd(t.Context(), "tl:"+one.Category, redis.Z{Score: float64(one.RegisteredMs), Member: fmt.Sprintf("%d:%d", one.TalentID, one.SellerID)})
			} else {
				p.ZAdd(t.Context(), "{tl:"+one.Category+"}:gone", redis.Z{Score: float64(one.ChangedMs), Member: one.TalentID})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// published takes the events out of the outbox, in the order in which they were put there.
func published(t *testing.T, db *sql.DB) (events []event.Event) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `DELETE FROM outbox RETURNING id, key, event`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, key, text string
		var e event.Event
		if err := rows.Scan(&id, &key, &text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || "talent/"+key != e.Subject() {
			t.Fatalf("event %s of key %s: %v", text, key, err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(events, func(a, b event.Event) int { return strings.Compare(a.ID(), b.ID()) })
	return events
}

func told(events []event.Event) string {
	var out []string
	for _, e := range events {
		var data struct{ Version int64 }
		_ = json.Unmarshal(e.Data(), &data)
		out = append(out, fmt.Sprintf("%s v%d", strings.Split(e.Type(), ".")[2], data.Version))
	}
	return strings.Join(out, ", ")
}
