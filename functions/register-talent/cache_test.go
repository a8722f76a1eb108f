package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// shown is the talent of build, as anybody is shown it.
var shown = fmt.Sprintf(`200 {"talentId":%d,"version":3,"sellerId":42,"category":"piano","title":"피아노 레슨","priceKrw":30000,"tags":["초보"],"state":"open","at":"2023-11-14T22:13:20.000Z"}`, taken)

func (h *house) show(t *testing.T, id any) string {
	t.Helper()
	return told(h.ask(t, 0, "GET", fmt.Sprint("/talents/", id), ""))
}

// kept is what Redis has of a talent, and for how long.
func kept(t *testing.T, rdb *redis.Client, id int64) (e entry, lifetime time.Duration) {
	t.Helper()
	text, err := rdb.Get(t.Context(), fmt.Sprintf(shared.TalentCache, id)).Bytes()
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e, rdb.PTTL(t.Context(), fmt.Sprintf(shared.TalentCache, id)).Val()
}

// showUntilKept shows a talent until Redis has it: one that takes its time on a
// busy machine is passed by.
func (h *house) showUntilKept(t *testing.T, id int64) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); ; {
		h.show(t, id)
		if n := h.rdb.Exists(t.Context(), fmt.Sprintf(shared.TalentCache, id)).Val(); n == 1 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("talent %d is not kept", id)
		}
	}
}

func put(t *testing.T, rdb *redis.Client, id int64, text string) {
	t.Helper()
	if err := rdb.Set(t.Context(), fmt.Sprintf(shared.TalentCache, id), text, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestShow(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for range 2 { // from SQL, and from Redis
			w := h.ask(t, 0, "GET", fmt.Sprint("/talents/", taken), "")
			if told(w) != shown || w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%s with %v, want %s", told(w), w.Header(), shown)
			}
		}
		h.exec(t, `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
			VALUES (5, 2, 0, 'a', '<b>', 0, '[]', 'closed', 2, 3)`)
		for range 2 {
			if got := h.show(t, 5); got != `200 {"talentId":5,"version":2,"sellerId":0,"category":"a","title":"<b>","priceKrw":0,"tags":[],"state":"closed","at":"1970-01-01T00:00:00.002Z"}` {
				t.Errorf("closed: %s", got)
			}
		}
		for _, id := range []any{"7", "x", "0", "-5", "05", "+5", "5.0", "9223372036854775808", fmt.Sprint(taken, "%20")} {
			if w := h.ask(t, 0, "GET", fmt.Sprint("/talents/", id), ""); w.Code != 404 || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v: %s", id, told(w))
			}
		}
		keys, err := s.Redis.Keys(t.Context(), "*").Result()
		known := []string{"talent:5", "talent:7", fmt.Sprint("talent:", taken)}
		unasked := slices.DeleteFunc(keys, func(key string) bool { return slices.Contains(known, key) })
		if err != nil || len(unasked) > 0 {
			t.Errorf("Redis keeps %v (%v) of what is no id", unasked, err)
		}
	})
}

func TestShowHitNeedsNoSQL(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		before := time.Now()
		h.showUntilKept(t, taken)
		h.showUntilKept(t, 7)

		e, lifetime := kept(t, s.Redis, taken)
		until := time.UnixMilli(e.Until)
		if e.Version != 3 || e.Delta < 1 || "200 "+string(e.Body) != shown {
			t.Errorf("kept version %d, delta %d, body %s", e.Version, e.Delta, e.Body)
		}
		if until.Before(before.Add(3240*time.Second)) || until.After(time.Now().Add(3960*time.Second)) || (time.Until(until)-lifetime).Abs() > time.Second {
			t.Errorf("kept until %v, for %v", until, lifetime)
		}
		if e, lifetime := kept(t, s.Redis, 7); e.Version != 0 || string(e.Body) != "null" || lifetime > 30*time.Second || lifetime < 20*time.Second {
			t.Errorf("of no talent, version %d and body %s are kept for %v", e.Version, e.Body, lifetime)
		}

		_ = s.DB.Close()
		if got := h.show(t, taken); got != shown {
			t.Errorf("%s, want %s", got, shown)
		}
		if got := h.show(t, 7); !strings.HasPrefix(got, "404 ") {
			t.Errorf("a talent known not to be: %s", got)
		}
		if got := h.show(t, 8); !strings.HasPrefix(got, "503 ") {
			t.Errorf("a talent that nothing is known of: %s", got)
		}
	})
}

func TestLifetimesDiffer(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	least, most := int64(math.MaxInt64), int64(0)
	for range 50 {
		if _, err := h.load(t.Context(), taken, true); err != nil {
			t.Fatal(err)
		}
		e, _ := kept(t, h.rdb, taken)
		left := e.Until - time.Now().UnixMilli()
		least, most = min(least, left), max(most, left)
	}
	if least < 3_239_000 || most > 3_961_000 || most-least < 200_000 {
		t.Errorf("lifetimes of %d to %d ms", least, most)
	}
}

// A load may end after a change of what it has read.
func TestFill(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for i, tc := range []struct {
			name, there string
			version     int64 // of what is filled in
			filled      bool
		}{
			{"nothing", "", 3, true},
			{"older", `{"version":2,"until":1,"delta":1,"body":{}}`, 3, true},
			{"same", `{"version":3,"until":1,"delta":1,"body":{}}`, 3, true},
			{"newer", `{"version":4,"until":1,"delta":1,"body":{}}`, 3, false},
			{"older_tombstone", `{"version":2}`, 3, true},
			{"tombstone", `{"version":3}`, 3, true},
			{"newer_tombstone", `{"version":4}`, 3, false},
			{"none_over_tombstone", `{"version":1}`, 0, false},
			{"none_over_none", `{"version":0,"until":1,"delta":1,"body":null}`, 0, true},
			{"over_none", `{"version":0,"until":1,"delta":1,"body":null}`, 1, true},
			{"newest_numbers", `{"version":9007199254740991}`, 9007199254740990, false},
			{"garbage", `{"ver`, 3, true},
			{"other_json", `7`, 3, true},
			{"version_null", `{"version":null}`, 3, true},
		} {
			t.Run(tc.name, func(t *testing.T) {
				id := int64(100 + i)
				if tc.there != "" {
					put(t, s.Redis, id, tc.there)
				}
				if tc.version > 0 {
					h.exec(t, `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
						VALUES ($1, $2, 42, 'a', 'new', 0, '[]', 'open', 1, 1)`, id, tc.version)
				}
				if _, err := h.load(t.Context(), id, true); err != nil {
					t.Fatal(err)
				}
				text := s.Redis.Get(t.Context(), fmt.Sprintf(shared.TalentCache, id)).Val()
				if filled := text != tc.there; filled != tc.filled {
					t.Fatalf("there is %s, filled in: %v, want %v", text, filled, tc.filled)
				}
				if !tc.filled {
					return
				}
				if e, _ := kept(t, s.Redis, id); e.Version != tc.version || strings.Contains(string(e.Body), `"title":"new"`) != (tc.version > 0) || e.Until < 1000 {
					t.Errorf("there is %s, want what was loaded", text)
				}
			})
		}
	})
}

func TestShowReadsSQL(t *testing.T) {
	soon, late := time.Now().Add(time.Hour).UnixMilli(), time.Now().Add(-time.Second).UnixMilli()
	body := `{"kept":true}`
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for _, tc := range []struct {
			name, there, want string
			version           int64 // that is kept afterwards
		}{
			{"fresh", fmt.Sprintf(`{"version":3,"until":%d,"delta":1,"body":%s}`, soon, body), "200 " + body, 3},
			{"expired", fmt.Sprintf(`{"version":3,"until":%d,"delta":1,"body":%s}`, late, body), shown, 3},
			{"refreshed_early", fmt.Sprintf(`{"version":2,"until":%d,"delta":1000000000000,"body":%s}`, soon, body), shown, 3},
			{"tombstone", `{"version":3}`, shown, 3},
			{"newer_tombstone", `{"version":4}`, shown, 4},
			{"garbage", `x`, shown, 3},
		} {
			t.Run(tc.name, func(t *testing.T) {
				put(t, s.Redis, taken, tc.there)
				if got := h.show(t, taken); got != tc.want {
					t.Errorf("%s, want %s", got, tc.want)
				}
				if e, _ := kept(t, s.Redis, taken); e.Version != tc.version {
					t.Errorf("version %d is kept, want %d", e.Version, tc.version)
				}
			})
		}
		put(t, s.Redis, taken, fmt.Sprintf(`{"version":3,"until":%d,"delta":1000000000000,"body":%s}`, soon, body))
		_ = s.DB.Close()
		if got := h.show(t, taken); got != "200 "+body {
			t.Errorf("what could not be refreshed early: %s", got)
		}
	})
}

// As likely as XFetch has it: e to the minus time that is left, in loads.
func TestRefreshesEarly(t *testing.T) {
	for _, tc := range []struct {
		name        string
		left, delta int64 // ms
		least, most int   // loads of 1000 looks
	}{
		{"never_long_before", 3_600_000, 1000, 0, 0},
		{"always_at_the_end", 0, 1, 1000, 1000},
		{"one_load_before", 3_600_000, 3_600_000, 300, 436},    // 368
		{"two_loads_before", 3_600_000, 1_800_000, 80, 192},    // 135
		{"half_a_load_before", 3_600_000, 7_200_000, 540, 674}, // 607
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := build(t, eventtest.Embedded(t))
			loads := 0
			for range 1000 {
				put(t, h.rdb, taken, fmt.Sprintf(`{"version":3,"until":%d,"delta":%d,"body":{}}`, time.Now().UnixMilli()+tc.left, tc.delta))
				if body, err := h.get(t.Context(), taken); err != nil {
					t.Fatal(err)
				} else if string(body) != "{}" {
					loads++
				}
			}
			if loads < tc.least || loads > tc.most {
				t.Errorf("%d loads, want %d to %d", loads, tc.least, tc.most)
			}
		})
	}
}

// Others wait for the load of one who may be gone meanwhile.
func TestLoadOutlivesItsRequest(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if body, err := h.load(ctx, taken, true); err != nil || "200 "+string(body) != shown {
		t.Errorf("%s (%v), want %s", body, err, shown)
	}
	if e, _ := kept(t, h.rdb, taken); e.Version != 3 {
		t.Errorf("version %d is kept, want 3", e.Version)
	}
}

// Many who ask at once read SQL once. The only connection is kept from them
// until all but the one who reads wait for him.
func TestShowAtOnce(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	h.outbox.DB.SetMaxOpenConns(1)
	only, err := h.outbox.DB.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	waits := h.outbox.DB.Stats().WaitCount
	answers := make(chan map[string]int)
	go func() {
		answers <- atOnce(20, func(int) string { return h.show(t, taken) })
	}()
	waiting := regexp.MustCompile(`sync\.\(\*WaitGroup\)\.Wait.*\n.*\n.*singleflight\.\(\*Group\)\.Do`)
	limit := time.Now().Add(4 * time.Second)
	for stacks := make([]byte, 1<<20); ; {
		if len(waiting.FindAll(stacks[:runtime.Stack(stacks, true)], -1)) == 19 {
			break
		}
		if time.Now().After(limit) {
			t.Error("not all but one wait")
			break
		}
	}
	_ = only.Close()
	if got := <-answers; got[shown] != 20 {
		t.Errorf("answers %v, want 20 times %s", got, shown)
	}
	if reads := h.outbox.DB.Stats().WaitCount - waits; reads != 1 {
		t.Errorf("SQL was read %d times", reads)
	}
}

func TestShowWithoutRedis(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	hung := redis.NewClient(&redis.Options{Addr: listener.Addr().String(), ContextTimeoutEnabled: true}) // as shared.Redis
	t.Cleanup(func() { _ = hung.Close() })
	for name, rdb := range map[string]*redis.Client{"away": eventtest.RedisAway(t), "hung": hung} {
		t.Run(name, func(t *testing.T) {
			h := build(t, eventtest.Stores{DB: eventtest.Embedded(t).DB, Redis: rdb})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // less than go-redis waits by itself
			defer cancel()
			for want, id := range map[string]int64{shown: taken, "404": 7} {
				w := httptest.NewRecorder()
				h.routes.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", fmt.Sprint("/talents/", id), nil))
				if got := told(w); !strings.HasPrefix(got, want) {
					t.Errorf("%s, want %s", got, want)
				}
			}
			if ctx.Err() != nil {
				t.Error("the answers took longer than 2 s")
			}
		})
	}
}
