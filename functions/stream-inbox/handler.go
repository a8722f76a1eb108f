package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/go-json-experiment/json"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

const overlap = 10 * time.Minute // how far back timelines are read again: a late event stands at its own time

type stream struct {
	user    int64
	follows atomic.Pointer[[]follow]
	frames  chan frame
	cut     func()
	write   func(text string) error
	place   int64          // ms, from where the browser is to be told
	sent    map[int64]bool // talents
}

type follow struct {
	Category        string
	SinceMs, SeenMs int64
}

// routes keeps a stream until its browser leaves or falls behind, or for 240 to 285 s: Knative would cut it at 300 s.
func (h *hub) routes(stopping context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /inbox/stream", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 240*time.Second+rand.N(45*time.Second))
		defer cancel()
		defer context.AfterFunc(stopping, func() { time.AfterFunc(rand.N(5*time.Second), cancel) })() // not all at once
		user, err := h.users.Of(r)
		s := &stream{user: user, frames: make(chan frame, 64), cut: cancel, sent: map[int64]bool{}, place: time.Now().UnixMilli()}
		if err == nil {
			err = h.interests(ctx, s)
		}
		if err == nil && !h.enter(ctx, s) {
			err = &shared.Problem{Status: http.StatusTooManyRequests, Detail: "a user has at most 5 open streams, all together 10,000"}
		}
		if err != nil {
			shared.Fail(w, r, err)
			return
		}
		h.serve(ctx, s, w, r.Header.Get("Last-Event-ID"))
	})
	return mux
}

// serve writes what concerns s until ctx ends or something fails; the browser then comes back to its place.
func (h *hub) serve(ctx context.Context, s *stream, w http.ResponseWriter, last string) {
	c := http.NewResponseController(w)
	s.write = func(text string) error {
		deadline := c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := w.Write([]byte(text))
		return errors.Join(deadline, err, c.Flush())
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_, fresh := fmt.Sscanf(last, "%d-", &s.place)
	err := errors.Join(c.SetReadDeadline(time.Time{}), // the server's is for requests that end
		s.write(fmt.Sprintf("retry: 1000\nid: %d-0\n\n", s.place)), h.catchUp(ctx, s, fresh != nil))
	tick, badge := time.Tick(20*time.Second), time.After(0) // one badge for a burst
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case f := <-s.frames:
			badge = cmp.Or(badge, time.After(20*time.Millisecond))
			if f.text == "" {
				err = h.interests(ctx, s)
			} else if f.once == 0 || !s.sent[f.once] {
				s.sent[f.once], err = true, s.write(f.text)
			}
		case <-badge:
			badge, err = nil, h.badge(ctx, s)
		case <-tick:
			err = errors.Join(s.write(": still here\n\n"), h.catchUp(ctx, s, false))
		}
	}
}

// offer hands over a frame that concerns the stream's user. One that does not keep up is cut.
func (s *stream) offer(f frame) {
	wanted := f.user == s.user
	for _, one := range *s.follows.Load() {
		wanted = wanted || one.Category == f.category && one.SinceMs <= f.ms && f.seller != s.user
	}
	if wanted {
		select {
		case s.frames <- f:
		default:
			s.cut()
		}
	}
}

func (h *hub) interests(ctx context.Context, s *stream) error {
	follows := []follow{}
	err := sqlscan.Select(ctx, h.db, &follows, `
		SELECT i.category, i.since_ms, COALESCE(s.up_to_ms, 0) AS seen_ms
		FROM interests i LEFT JOIN seen s ON s.user_id = i.user_id WHERE i.user_id = $1`, s.user)
	if err == nil {
		s.follows.Store(&follows)
	}
	return err
}

// catchUp writes what the timelines have from the browser's place on and was not sent. Of what
// was there when a page was loaded (fresh) it only takes note; more than 100 the page loads itself.
func (h *hub) catchUp(ctx context.Context, s *stream, fresh bool) error {
	talents, err := h.since(ctx, s, func(f follow) int64 { return max(f.SinceMs, s.place-overlap.Milliseconds()) })
	var missed []int64
	for _, id := range talents {
		if !s.sent[id] && !fresh {
			missed = append(missed, id)
		}
		s.sent[id] = true
	}
	switch {
	case err != nil || len(missed) == 0:
		return err
	case len(missed) > 100:
		return s.write(event("reset", "{}"))
	}
	frames, err := h.notifications(ctx, false, missed...)
	for _, f := range frames {
		err = errors.Join(err, s.write(f.text))
	}
	return err
}

// badge writes how many are newer than what was looked at; 100 stands for more.
func (h *hub) badge(ctx context.Context, s *stream) error {
	unseen, err := h.since(ctx, s, func(f follow) int64 { return max(f.SinceMs, f.SeenMs+1) })
	if err == nil {
		err = s.write(event("badge", fmt.Sprintf(`{"badge":%d}`, min(len(unseen), 100))))
	}
	return err
}

// since are the newest talents from a time on, without the user's own, at most 300 of a category.
func (h *hub) since(ctx context.Context, s *stream, from func(follow) int64) (talents []int64, err error) {
	var lists []*redis.StringSliceCmd
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, f := range *s.follows.Load() {
			key, newer := fmt.Sprintf(shared.Timeline, f.Category), redis.ZRangeBy{Min: fmt.Sprint(from(f)), Max: "+inf", Count: 300}
			lists = append(lists, p.ZRevRangeByScore(ctx, key, &newer))
		}
		return nil
	})
	for _, list := range lists {
		for _, member := range list.Val() {
			var talent, seller int64
			if _, err := fmt.Sscanf(member, shared.Member, &talent, &seller); err == nil && seller != s.user {
				talents = append(talents, talent)
			}
		}
	}
	return talents, err
}

// notifications are frames of the open ones of talents, oldest first: items as the inbox lists them, but
// for read, as they are everybody's. A change has no id, so that a browser's place does not go back.
func (h *hub) notifications(ctx context.Context, change bool, talents ...int64) (frames []frame, err error) {
	var found []struct {
		ID           string    `json:"id" db:"-"`
		TalentID     int64     `json:"talentId"`
		Title        string    `json:"title"`
		Category     string    `json:"category"`
		PriceKrw     int64     `json:"priceKrw"`
		SellerID     int64     `json:"sellerId"`
		At           time.Time `json:"at" db:"-"`
		RegisteredMs int64     `json:"-"`
	}
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(talents), " ", ", "), "[]")
	err = sqlscan.Select(ctx, h.db, &found, `
		SELECT talent_id, title, category, price_krw, seller_id, registered_ms FROM talents
		WHERE state = 'open' AND talent_id IN (`+list+`) ORDER BY registered_ms, talent_id`) // integers: nothing to inject
	for _, t := range found {
		t.ID, t.At = fmt.Sprint(shared.NID(t.TalentID, "talent")), time.UnixMilli(t.RegisteredMs).UTC()
		data, _ := json.Marshal(t) // strings, numbers and a time: cannot fail
		f := frame{category: t.Category, text: event("notification", string(data)), seller: t.SellerID, ms: t.RegisteredMs}
		if !change {
			f.once, f.text = t.TalentID, fmt.Sprintf("id: %d-%s\n", t.RegisteredMs, t.ID)+f.text
		}
		frames = append(frames, f)
	}
	return frames, err
}
