package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const began = 1795338000000 // 2026-11-22T09:00:00Z

// inboxOf is a user's client of the real routes, with stores to prepare.
type inboxOf struct {
	t      *testing.T
	stores eventtest.Stores
	routes http.Handler
	token  string
}

func open(t *testing.T, s eventtest.Stores, user int64) *inboxOf {
	t.Helper()
	users, sign := eventtest.Users(t)
	return &inboxOf{t, s, handler{users, s.DB, s.Redis}.routes(), sign(user, nil)}
}

func (i *inboxOf) exec(statement string, args ...any) {
	i.t.Helper()
	if _, err := i.stores.DB.ExecContext(i.t.Context(), statement, args...); err != nil {
		i.t.Fatal(err)
	}
}

func (i *inboxOf) follow(user int64, category string, since int64) {
	i.t.Helper()
	i.exec(`INSERT INTO interests (user_id, category, since_ms) VALUES ($1, $2, $3)`, user, category, since)
}

// talent registers one as register-talent and notify-interested would.
func (i *inboxOf) talent(id, seller int64, category string, ms int64) {
	i.t.Helper()
	i.exec(`INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
		VALUES ($1, 1, $2, $3, $4, $5, '[]', 'open', $6, $6)`, id, seller, category, fmt.Sprintf("talent %d", id), id*1000, ms)
	z := redis.Z{Score: float64(ms), Member: fmt.Sprintf(shared.Member, id, seller)}
	if err := i.stores.Redis.ZAdd(i.t.Context(), fmt.Sprintf(shared.Timeline, category), z).Err(); err != nil {
		i.t.Fatal(err)
	}
}

func (i *inboxOf) do(method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(i.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+i.token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	i.routes.ServeHTTP(w, r)
	return w
}

// list is all pages: the talents' numbers, "r" behind those that are read, a
// bar after each page, and the badge.
func (i *inboxOf) list() string {
	i.t.Helper()
	var out []string
	for path := "/inbox"; ; {
		w := i.do(http.MethodGet, path, "")
		var p struct {
			Items []item `json:"items"`
			Badge int    `json:"badge"`
			Next  string `json:"next"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != http.StatusOK {
			i.t.Fatalf("%s: %d %s (%v)", path, w.Code, w.Body, err)
		}
		for _, one := range p.Items {
			text := strconv.FormatInt(one.TalentID, 10)
			if one.Read {
				text += "r"
			}
			out = append(out, text)
		}
		if p.Next == "" {
			return strings.Join(append(out, fmt.Sprintf("badge %d", p.Badge)), " ")
		}
		out = append(out, "|")
		path = "/inbox?cursor=" + url.QueryEscape(p.Next)
	}
}

func nid(talent int64) string { return strconv.FormatInt(shared.NID(talent, "talent"), 10) }

func TestList(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(i *inboxOf)
		want    string
	}{
		{"is_empty_for_who_follows_nothing", func(i *inboxOf) { i.talent(1, 9, "music", began) }, "badge 0"},
		{"merges_categories_newest_first", func(i *inboxOf) {
			i.follow(42, "music", began)
			i.follow(42, "art", began)
			i.talent(1, 9, "music", began+1)
			i.talent(2, 9, "art", began+2)
			i.talent(3, 9, "music", began+3)
			i.talent(4, 9, "dance", began+4)
		}, "3 2 1 badge 3"},
		{"begins_when_the_user_followed", func(i *inboxOf) {
			i.follow(42, "music", began)
			i.talent(1, 9, "music", began-1)
			i.talent(2, 9, "music", began)
		}, "2 badge 1"},
		{"leaves_out_the_users_own", func(i *inboxOf) {
			i.follow(42, "music", began)
			i.talent(1, 42, "music", began+1)
			i.talent(2, 9, "music", began+2)
		}, "2 badge 1"},
		{"leaves_out_what_is_closed_before_redis_knows", func(i *inboxOf) {
			i.follow(42, "music", began)
			i.talent(1, 9, "music", began+1)
			i.exec(`UPDATE talents SET state = 'closed'`)
		}, "badge 1"},
		{"is_not_of_others_interests", func(i *inboxOf) {
			i.follow(43, "music", began)
			i.talent(1, 9, "music", began+1)
		}, "badge 0"},
		{"pages_by_twenty_through_one_millisecond", func(i *inboxOf) {
			i.follow(42, "music", began)
			i.follow(42, "art", began)
			for n := range int64(22) {
				i.talent(10+n, 9, []string{"music", "art"}[n%2], began+5)
			}
		}, "31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15 14 13 12 | 11 10 badge 22"},
		{"fills_a_page_past_what_is_archived", func(i *inboxOf) {
			i.follow(42, "music", began)
			for n := range int64(23) {
				i.talent(n+1, 9, "music", began+n)
			}
			i.exec(`INSERT INTO marks (user_id, nid, read_ms, archived_ms) VALUES (42, $1, 1, 1)`, shared.NID(20, "talent"))
		}, "23 22 21 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 | 2 1 badge 23"},
		{"has_one_page_of_exactly_twenty", func(i *inboxOf) {
			i.follow(42, "music", began)
			for n := range int64(20) {
				i.talent(n+1, 9, "music", began+n)
			}
		}, "20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 badge 20"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				i := open(t, s, 42)
				tc.prepare(i)
				if got := i.list(); got != tc.want {
					t.Errorf("inbox %q\nwant  %q", got, tc.want)
				}
			})
		})
	}
}

// Long timelines are read in widening steps; none may be lost between them.
func TestList_of_a_thousand(t *testing.T) {
	i := open(t, eventtest.Embedded(t), 42)
	var want []string
	for n := range int64(1000) {
		category := "c" + strconv.FormatInt(n*n%5, 10)
		if n < 5 {
			i.follow(42, "c"+strconv.FormatInt(n, 10), began)
		}
		i.talent(1000+n, 9, category, began+n)
		want = append(want, strconv.FormatInt(1000+n, 10))
	}
	slices.Reverse(want)
	got := strings.ReplaceAll(i.list(), "| ", "")
	if got != strings.Join(want, " ")+" badge 100" {
		t.Errorf("inbox of 1000: %.200s …", got)
	}
}

func TestItem(t *testing.T) {
	i := open(t, eventtest.Embedded(t), 42)
	i.follow(42, "music", began)
	i.talent(7, 9, "music", began+123)
	want := `{"items":[{"id":"` + nid(7) + `","talentId":7,"title":"talent 7","category":"music","priceKrw":7000,"sellerId":9,` +
		`"at":"2026-11-22T09:00:00.123Z","read":false}],"badge":1}`
	if got := strings.TrimSpace(i.do(http.MethodGet, "/inbox", "").Body.String()); got != want {
		t.Errorf("answer %s\nwant   %s", got, want)
	}
}

func TestMarks(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		i := open(t, s, 42)
		i.follow(42, "music", began)
		for n := range int64(3) {
			i.talent(n+1, 9, "music", began+n)
		}
		for _, step := range []struct {
			path, body string
			status     int
			want       string // the inbox after it
		}{
			{"/inbox/" + nid(2) + "/read", "", 204, "3 2r 1 badge 3"},
			{"/inbox/" + nid(2) + "/read", "", 204, "3 2r 1 badge 3"},
			{"/inbox/" + nid(1) + "/archive", "", 204, "3 2r badge 3"},
			{"/inbox/" + nid(1) + "/read", "", 204, "3 2r badge 3"}, // does not bring it back
			{"/inbox/" + nid(2) + "/archive", "", 204, "3 badge 3"},
			{"/inbox/" + nid(9) + "/read", "", 404, "3 badge 3"},
			{"/inbox/x/read", "", 404, "3 badge 3"},
			{"/inbox/seen", `{"upTo":"2026-11-22T09:00:00.001Z"}`, 204, "3 badge 1"},
			{"/inbox/seen", `{"upTo":"2026-11-22T09:00:00Z"}`, 204, "3 badge 1"}, // never back
			{"/inbox/seen", `{"upTo":"2036-01-01T00:00:00Z"}`, 204, "3 badge 0"},
			{"/inbox/seen", `{}`, 422, "3 badge 0"},
			{"/inbox/seen", `{"upTo":"yesterday"}`, 422, "3 badge 0"},
			{"/inbox/seen", `{"upTo":"2026-11-22T09:00:00Z","all":true}`, 422, "3 badge 0"},
		} {
			if w := i.do(http.MethodPost, step.path, step.body); w.Code != step.status {
				t.Errorf("POST %s %s: %d %s, want %d", step.path, step.body, w.Code, w.Body, step.status)
			}
			if got := i.list(); got != step.want {
				t.Errorf("after %s %s: %q, want %q", step.path, step.body, got, step.want)
			}
		}
		i.talent(4, 9, "music", began+100) // what comes later was not seen with the far future
		if got := i.do(http.MethodGet, "/inbox/badge", "").Body.String(); strings.TrimSpace(got) != `{"badge":1}` {
			t.Errorf("badge %s after one more talent, want 1", got)
		}
	})
}

func TestSeen_of_an_empty_inbox(t *testing.T) {
	i := open(t, eventtest.Embedded(t), 42)
	if w := i.do(http.MethodPost, "/inbox/seen", `{"upTo":"2036-01-01T00:00:00Z"}`); w.Code != http.StatusNoContent {
		t.Errorf("%d %s, want 204", w.Code, w.Body)
	}
}

func TestRefusals(t *testing.T) {
	i := open(t, eventtest.Embedded(t), 42)
	i.follow(42, "music", began)
	if w := i.do(http.MethodGet, "/inbox?cursor=x", ""); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("bad cursor: %d, want 422", w.Code)
	}
	i.token = "forged"
	for _, request := range []string{"GET /inbox", "GET /inbox/badge", "POST /inbox/seen", "POST /inbox/1/read", "POST /inbox/1/archive"} {
		method, path, _ := strings.Cut(request, " ")
		if w := i.do(method, path, "{}"); w.Code != http.StatusUnauthorized {
			t.Errorf("%s with a forged token: %d, want 401", request, w.Code)
		}
	}
}

func TestOutages_are_503(t *testing.T) {
	for name, s := range map[string]eventtest.Stores{
		"redis": {DB: eventtest.Embedded(t).DB, Redis: eventtest.RedisAway(t)},
		"sql":   {DB: eventtest.SQLAway(t), Redis: eventtest.Embedded(t).Redis},
	} {
		i := open(t, s, 42)
		if name == "redis" {
			i.follow(42, "music", began)
		}
		if w := i.do(http.MethodGet, "/inbox", ""); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "127.0.0.1") {
			t.Errorf("%s away: %d %s, want 503 that tells nothing", name, w.Code, w.Body)
		}
	}
}
