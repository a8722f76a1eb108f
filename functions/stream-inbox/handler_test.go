package main

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// house is a hub behind HTTP, with stores to prepare.
type house struct {
	*hub
	t    *testing.T
	url  string
	sign func(user int64, claims map[string]any) string
	stop func()
}

func start(t *testing.T, s eventtest.Stores) *house {
	t.Helper()
	users, sign := eventtest.Users(t)
	h := &hub{users: users, db: s.DB, rdb: s.Redis, streams: map[*stream]bool{},
		open: prometheus.NewGauge(prometheus.GaugeOpts{Name: "open"}), fresh: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fresh"})}
	ctx, stop := context.WithCancel(t.Context())
	server := httptest.NewServer(h.routes(ctx))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	t.Cleanup(stop)
	return &house{h, t, server.URL, sign, stop}
}

func (h *house) exec(statement string, args ...any) {
	h.t.Helper()
	if _, err := h.db.ExecContext(h.t.Context(), statement, args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) follow(user int64, category string, since time.Time) {
	h.t.Helper()
	h.exec(`INSERT INTO interests (user_id, category, since_ms) VALUES ($1, $2, $3)`, user, category, since.UnixMilli())
}

// talent registers one as register-talent and notify-interested would, but for the hint.
func (h *house) talent(id, seller int64, category string, at time.Time) {
	h.t.Helper()
	h.exec(`INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
		VALUES ($1, 1, $2, $3, $4, 1000, '[]', 'open', $5, $5)`, id, seller, category, fmt.Sprintf("talent\n%d", id), at.UnixMilli())
	z := redis.Z{Score: float64(at.UnixMilli()), Member: fmt.Sprintf(shared.Member, id, seller)}
	if err := h.rdb.ZAdd(h.t.Context(), fmt.Sprintf(shared.Timeline, category), z).Err(); err != nil {
		h.t.Fatal(err)
	}
}

// browser is an open stream of a user.
type browser struct {
	t      *testing.T
	status int
	frames chan string // one event each, its lines joined by spaces
	cut    func()
}

func (h *house) open(user int64, last string) *browser {
	h.t.Helper()
	r, err := http.NewRequestWithContext(h.t.Context(), http.MethodGet, h.url+"/inbox/stream", http.NoBody)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.sign(user, nil))
	r.Header.Set("Last-Event-ID", last)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	b := &browser{h.t, response.StatusCode, make(chan string, 1000), func() { _ = response.Body.Close() }}
	h.t.Cleanup(b.cut)
	go func() {
		defer close(b.frames)
		var lines []string
		for s := bufio.NewScanner(response.Body); s.Scan(); {
			if s.Text() != "" {
				lines = append(lines, s.Text())
				continue
			}
			b.frames <- strings.Join(lines, " ")
			lines = nil
		}
	}()
	return b
}

// until returns the frames up to the one that has the text, and fails where it
// does not come. The hint, if there is one, is published again and again: the
// hub may not have subscribed yet, and a hint may be repeated.
func (b *browser) until(text string, hint func()) (all []string) {
	b.t.Helper()
	limit, again := time.After(10*time.Second), time.NewTicker(50*time.Millisecond) // less than the tick, which finds it without a hint
	defer again.Stop()
	for {
		select {
		case f, ok := <-b.frames:
			if !ok {
				b.t.Fatalf("the stream ended after %q without %q", all, text)
			}
			all = append(all, f)
			if strings.Contains(f, text) {
				return all
			}
		case <-again.C:
			if hint != nil {
				hint()
			}
		case <-limit:
			b.t.Fatalf("%q without %q in 10 s", all, text)
		}
	}
}

func (h *house) hint(category, what string, talent int64) func() {
	return func() {
		h.rdb.Publish(h.t.Context(), fmt.Sprintf(shared.Hints, category), fmt.Sprintf("%s %d", what, talent))
	}
}

func nid(talent int64) string { return fmt.Sprint(shared.NID(talent, "talent")) }

func notification(id int64, at time.Time) string {
	return fmt.Sprintf(`event: notification data: {"id":"%s","talentId":%d,"title":"talent\n%d","category":"music","priceKrw":1000,"sellerId":9,"at":"%s"}`,
		nid(id), id, id, at.UTC().Format("2006-01-02T15:04:05.999Z07:00"))
}

func TestStream_tells_a_follower_at_once_and_once(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(t, s)
		now := time.Now().Truncate(time.Millisecond)
		h.follow(42, "music", now)
		b := h.open(42, "")
		b.until(`{"badge":0}`, nil)
		h.talent(1, 9, "music", now)
		first := b.until("notification", h.hint("music", "registered", 1))
		want := fmt.Sprintf("id: %d-%s ", now.UnixMilli(), nid(1)) + notification(1, now)
		if got := first[len(first)-1]; got != want {
			t.Errorf("frame %q\nwant  %q", got, want)
		}
		h.talent(2, 9, "music", now.Add(time.Millisecond))
		h.hint("music", "registered", 1)()
		for _, f := range b.until(nid(2), h.hint("music", "registered", 2)) {
			if strings.Contains(f, nid(1)) {
				t.Errorf("told again: %q", f)
			}
		}
		b.until(`{"badge":2}`, nil)
	})
}

// A page loads its inbox once its stream is open: the stream tells of all that comes from then on.
func TestStream_tells_of_what_comes_as_it_opens(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	h.follow(42, "music", time.Now().Add(-time.Hour))
	for id := range int64(100) {
		b := h.open(42, "")
		h.talent(id+1, 9, "music", time.Now())
		b.until(nid(id+1), h.hint("music", "registered", id+1))
		b.cut()
	}
}

func TestStream_tells_nobody_else(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	now := time.Now()
	h.follow(42, "music", now.Add(time.Hour)) // later than the talent
	h.follow(9, "music", now.Add(-time.Hour)) // the author
	h.follow(43, "art", now.Add(-time.Hour))
	h.follow(44, "music", now.Add(-time.Hour))
	others := []*browser{h.open(42, ""), h.open(9, ""), h.open(43, "")}
	follower := h.open(44, "")
	h.talent(1, 9, "music", now)
	follower.until("notification", h.hint("music", "registered", 1))
	for i, user := range []int64{42, 9, 43} {
		h.exec(`UPDATE interests SET since_ms = 0, category = 'end' WHERE user_id = $1`, user)
		h.talent(100+user, 8, "end", now)
		h.rdb.Publish(t.Context(), shared.UserHints(user), user)
		for _, f := range others[i].until(nid(100+user), h.hint("end", "registered", 100+user)) {
			if strings.Contains(f, nid(1)) {
				t.Errorf("user %d was told %q", user, f)
			}
		}
	}
}

func TestStream_tells_changes_and_withdrawals(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	now := time.Now().Truncate(time.Millisecond)
	h.follow(42, "music", now)
	h.talent(1, 9, "music", now)
	b := h.open(42, "")
	b.until(`{"badge":1}`, nil)
	changed := b.until("notification", h.hint("music", "changed", 1))
	if got, want := changed[len(changed)-1], notification(1, now); got != want { // no id: the place does not go back
		t.Errorf("frame %q\nwant  %q", got, want)
	}
	b.until(`event: withdrawn data: {"id":"`+nid(1)+`"}`, h.hint("music", "withdrawn", 1))
}

func TestStream_resumes_where_the_browser_was(t *testing.T) {
	now := time.Now()
	for _, tc := range []struct {
		name, last string
		want       string // the first notification, or reset
		not        string
	}{
		{"from_its_place", fmt.Sprintf("%d-7", now.Add(-time.Minute).UnixMilli()), nid(2), nid(1)},
		{"from_ten_minutes_before_for_what_was_late", fmt.Sprintf("%d-7", now.Add(9*time.Minute).UnixMilli()), nid(2), nid(1)},
		{"of_another_user_with_its_own_inbox", fmt.Sprintf("%d-%s", now.Add(-time.Minute).UnixMilli(), nid(77)), nid(2), nid(1)},
		{"or_reloads_what_is_too_much", "0-0", "event: reset", "notification"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				h := start(t, s)
				h.follow(42, "music", now.Add(-48*time.Hour))
				h.talent(1, 9, "music", now.Add(-time.Hour))
				h.talent(2, 9, "music", now)
				h.talent(3, 42, "music", now) // his own
				for n := range int64(101) {
					h.talent(100+n, 9, "music", now.Add(-47*time.Hour))
				}
				for _, f := range h.open(42, tc.last).until(tc.want, nil) {
					if strings.Contains(f, tc.not) || strings.Contains(f, nid(3)) {
						t.Errorf("told %q", f)
					}
				}
			})
		})
	}
}

var idLine = regexp.MustCompile(`^id: ((\d+)-\d+) event: notification data: \{"id":"\d+","talentId":(\d+),`)

// Cut wherever it may be, and opened again at the place that the browser has, or
// had, or at that place by another's id, a stream misses nothing, tells nothing
// twice, and nothing that is not its user's.
func TestStream_cut_at_random(t *testing.T) {
	eventtest.Seeds(t, 10, func(t *testing.T, r *rand.Rand) {
		h := start(t, eventtest.Embedded(t))
		now, next := time.Now(), int64(0)
		h.follow(42, "music", now.Add(-time.Hour))
		places, seen := []string{fmt.Sprintf("%d-0", now.UnixMilli())}, map[string]bool{}
		for cut := range 13 {
			place := places[max(0, len(places)-1-r.IntN(5)*min(1, 12-cut))]
			if ms, _, _ := strings.Cut(place, "-"); r.IntN(3) == 0 {
				place = ms + "-" + nid(1<<40) // a talent of nobody's
			}
			b, here, hinted := h.open(42, place), map[string]bool{}, int64(0)
			for range r.IntN(8) * min(1, 12-cut) { // the last one is there to see what is missing
				next++
				at := now.Add(time.Duration(next) * time.Millisecond)
				h.talent(next, 9, "music", at)
				h.talent(1_000_000+next, 9, "art", at)    // not followed
				h.talent(2_000_000+next, 42, "music", at) // his own
				if r.IntN(2) == 0 {                       // or it is lost
					hinted = next
					h.hint("music", "registered", next)()
				}
			}
			var frames []string
			switch {
			case hinted > 0 && r.IntN(2) == 0:
				frames = b.until(nid(hinted), h.hint("music", "registered", hinted))
			case hinted > 0:
				frames = b.until("retry", nil)
			default:
				frames = b.until("event: badge", nil) // after what it missed
			}
			for _, f := range frames {
				if found := idLine.FindStringSubmatch(f); found != nil {
					if id, _ := strconv.ParseInt(found[3], 10, 64); id > next || here[found[3]] {
						t.Errorf("%q is not to be told, or told twice", f)
					}
					here[found[3]], seen[found[3]] = true, true
					places = append(places, found[1])
				}
			}
			b.cut()
		}
		if len(seen) != int(next) {
			t.Errorf("%d of %d were told", len(seen), next)
		}
	})
}

func TestStream_begins_quietly_for_a_page_that_has_just_loaded(t *testing.T) {
	for _, last := range []string{"", "garbage", "-", "99999999999999999999-1"} {
		h := start(t, eventtest.Embedded(t))
		h.follow(42, "music", time.Now().Add(-time.Hour))
		h.talent(1, 9, "music", time.Now())
		frames := h.open(42, last).until(`{"badge":1}`, nil)
		if len(frames) != 2 || !strings.HasPrefix(frames[0], "retry: 1000 id: ") {
			t.Errorf("Last-Event-ID %q: frames %q, want a place and the badge", last, frames)
		}
	}
}

// What a lost hint did not tell is found, once, by looking again.
func TestCatchUp(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := start(t, s)
		now := time.Now()
		h.follow(42, "music", now.Add(-time.Hour))
		h.talent(1, 9, "music", now.Add(-time.Minute))
		var wrote strings.Builder
		one := &stream{user: 42, sent: map[int64]bool{}, place: now.UnixMilli(), write: func(text string) error {
			wrote.WriteString(text)
			return nil
		}}
		if err := h.interests(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		for i, fresh := range []bool{true, false, false} {
			if i == 1 {
				h.talent(2, 9, "music", now)
			}
			if err := h.catchUp(t.Context(), one, fresh); err != nil {
				t.Fatal(err)
			}
		}
		if got := wrote.String(); strings.Count(got, "event: notification") != 1 || !strings.Contains(got, nid(2)) {
			t.Errorf("wrote %q, want talent 2 once and not 1, which the page has loaded", got)
		}
	})
}

func TestStream_follows_what_the_user_does_elsewhere(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	now := time.Now()
	b := h.open(42, "")
	b.until(`{"badge":0}`, nil)
	h.follow(42, "music", now)
	h.talent(1, 9, "music", now)
	again := func() { h.rdb.Publish(t.Context(), shared.UserHints(42), 42) }
	b.until(`{"badge":1}`, again)
	h.exec(`INSERT INTO seen (user_id, up_to_ms) VALUES (42, $1)`, now.UnixMilli())
	b.until(`{"badge":0}`, again)
}

func TestStream_limits(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	for range 5 {
		h.open(42, "").until("badge", nil)
	}
	if got := h.open(42, "").status; got != http.StatusTooManyRequests {
		t.Errorf("sixth stream: %d, want 429", got)
	}
	if got := h.open(43, "").status; got != http.StatusOK {
		t.Errorf("another user's stream: %d, want 200", got)
	}
	h.mu.Lock()
	for len(h.streams) < 10_000 {
		one := &stream{}
		one.follows.Store(&[]follow{})
		h.streams[one] = true
	}
	h.mu.Unlock()
	if got := h.open(44, "").status; got != http.StatusTooManyRequests {
		t.Errorf("stream 10,001: %d, want 429", got)
	}
	if r, err := http.Get(h.url + "/inbox/stream"); err != nil || r.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %v (%v), want 401", r, err)
	}
}

func TestOffer_cuts_who_does_not_keep_up(t *testing.T) {
	cut := 0
	s := &stream{user: 42, frames: make(chan frame, 64), cut: func() { cut++ }}
	s.follows.Store(&[]follow{{Category: "music"}})
	for range 64 {
		s.offer(frame{category: "music", text: "x"})
	}
	if cut != 0 {
		t.Errorf("cut with %d frames waiting", len(s.frames))
	}
	s.offer(frame{category: "music", text: "x"})
	if cut != 1 {
		t.Error("not cut with 64 frames waiting")
	}
}

// Of twenty streams, which end at some time within 5 s of the stop, one at least is there to be told.
func TestStream_is_told_until_it_ends(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	told := make(chan bool)
	for n := range int64(20) {
		h.follow(42+n, "music", time.Now())
		b := h.open(42+n, "")
		b.until("badge", nil)
		go func() {
			heard := false
			for f := range b.frames {
				heard = heard || strings.Contains(f, "notification")
			}
			told <- heard
		}()
	}
	h.stop()
	h.talent(1, 9, "music", time.Now())
	hint, again, heard := h.hint("music", "registered", 1), time.NewTicker(50*time.Millisecond), 0
	defer again.Stop()
	for ended := 0; ended < 20; {
		select {
		case one := <-told:
			if ended++; one {
				heard++
			}
		case <-again.C:
			hint()
		}
	}
	if heard == 0 {
		t.Error("no stream was told after the stop")
	}
}

func TestStream_ends_when_the_function_stops(t *testing.T) {
	h := start(t, eventtest.Embedded(t))
	b := h.open(42, "")
	b.until("badge", nil)
	h.stop()
	limit := time.After(8 * time.Second) // spread over 5 s
	for {
		select {
		case _, open := <-b.frames:
			if !open {
				return
			}
		case <-limit:
			t.Fatal("still open 8 s after the function was told to stop")
		}
	}
}
