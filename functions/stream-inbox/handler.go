package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/go-json-experiment/json"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"somssi/shared"
	"somssi/shared/telemetry"
)

// hub hands what happens in a category to the streams of its followers: looked up once, written once, however many they are.
type hub struct {
	users   shared.Users
	db      *sql.DB
	rdb     *redis.Client
	mu      sync.Mutex
	streams map[*stream]bool
	open    prometheus.Gauge    // streams
	fresh   prometheus.Observer // seconds from a registration to its frame
}

// frame is one event of a stream, and whom it concerns.
type frame struct {
	category, text         string     // no text: the user's interests or marks changed
	user, seller, once, ms int64      // once: the talent that this is the first word of
	span                   trace.Span // of its hint, until one stream has written it
}

func event(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }

// listen takes hints from Redis until ctx ends. What a lost one did not tell, the streams find themselves.
func (h *hub) listen(ctx context.Context) {
	hints := h.rdb.PSubscribe(ctx, fmt.Sprintf(shared.Hints, "*"), "{b*}:ev")
	context.AfterFunc(ctx, func() { _ = hints.Close() })
	for m := range hints.Channel(redis.WithChannelSize(10_000)) {
		kind, id, traceparent, wanted := "", int64(0), "", false
		_, _ = fmt.Sscan(m.Payload, &kind, &id, &traceparent)
		ctx, span := otel.Tracer("somssi").Start(telemetry.Continue(ctx, traceparent), "hint", trace.WithSpanKind(trace.SpanKindConsumer))
		for _, f := range h.told(ctx, m.Channel, kind, id) {
			f.span = span
			h.mu.Lock()
			for s := range h.streams {
				wanted = s.offer(f) || wanted
			}
			h.mu.Unlock()
		}
		if !wanted {
			span.End()
		}
	}
}

// told is the frames of a hint, none where it cannot be looked up.
func (h *hub) told(ctx context.Context, channel, kind string, id int64) []frame {
	if _, err := fmt.Sscan(kind, &id); err == nil {
		return []frame{{user: id}}
	}
	if kind == "withdrawn" {
		return []frame{{category: channel[len("cat:"):], text: event(kind, fmt.Sprintf(`{"id":"%d"}`, shared.NID(id, "talent"))), ms: 1 << 53}}
	}
	frames, _ := h.notifications(ctx, kind == "changed", id)
	return frames
}

// enter adds a stream until ctx ends, unless its user has five here, of which more are a fault of his page, or all have 10,000.
func (h *hub) enter(ctx context.Context, s *stream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for other := range h.streams {
		if other.user == s.user {
			n++
		}
	}
	if n == 5 || len(h.streams) == 10_000 {
		return false
	}
	h.streams[s] = true
	h.open.Inc()
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.streams, s)
		h.open.Dec()
	})
	return true
}

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
	go h.listen(context.WithoutCancel(stopping)) // streams end only after that, and are told until then
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
		if _, fresh := fmt.Sscanf(r.Header.Get("Last-Event-ID"), "%d-", &s.place); err == nil && fresh != nil {
			err = h.catchUp(ctx, s, true) // before the page knows that it is open, and loads the inbox: what comes later is told
		}
		if err != nil {
			shared.Fail(w, r, err)
			return
		}
		h.serve(ctx, s, w)
	})
	return mux
}

// serve writes what concerns s until ctx ends or something fails; the browser then comes back to its place.
func (h *hub) serve(ctx context.Context, s *stream, w http.ResponseWriter) {
	c := http.NewResponseController(w)
	s.write = func(text string) error {
		deadline := c.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := w.Write([]byte(text))
		return errors.Join(deadline, err, c.Flush())
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	err := errors.Join(c.SetReadDeadline(time.Time{}), // the server's is for requests that end
		s.write(fmt.Sprintf("retry: 1000\nid: %d-0\n\n", s.place)), h.catchUp(ctx, s, false))
	tick, badge := time.Tick(20*time.Second), time.After(0) // one badge for a burst
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case f := <-s.frames:
			badge = cmp.Or(badge, time.After(20*time.Millisecond))
			if f.text == "" {
				err = h.interests(ctx, s)
			} else if f.once == 0 {
				err = s.write(f.text)
			} else if !s.sent[f.once] {
				s.sent[f.once], err = true, s.write(f.text)
				h.fresh.Observe(time.Since(time.UnixMilli(f.ms)).Seconds())
			}
			f.span.End() // the first of all streams ends it
		case <-badge:
			badge, err = nil, h.badge(ctx, s)
		case <-tick:
			err = errors.Join(s.write(": still here\n\n"), h.catchUp(ctx, s, false))
		}
	}
}

// offer hands over a frame that concerns the stream's user. One that does not keep up is cut.
func (s *stream) offer(f frame) (wanted bool) {
	wanted = f.user == s.user
	for _, one := range *s.follows.Load() {
		wanted = wanted || one.Category == f.category && one.SinceMs <= f.ms && f.seller != s.user
	}
	if wanted && len(s.frames) == cap(s.frames) { // only listen offers
		s.cut()
	} else if wanted {
		s.frames <- f
	}
	return wanted
}

func (h *hub) interests(ctx context.Context, s *stream) error {
	follows := []follow{}
	err := sqlscan.Select(ctx, h.db, &follows, `SELECT i.category, i.since_ms, COALESCE(s.up_to_ms, 0) AS seen_ms
		FROM interests i LEFT JOIN seen s ON s.user_id = i.user_id WHERE i.user_id = $1`, s.user)
	if err == nil {
		s.follows.Store(&follows)
	}
	return err
}

// catchUp writes what the timelines have from the browser's place on and was not sent; of a page just loaded (fresh) it only notes that. More than 100 the page loads itself.
func (h *hub) catchUp(ctx context.Context, s *stream, fresh bool) error {
	talents, err := h.since(ctx, s, func(f follow) int64 { return max(f.SinceMs, s.place-10*60*1000) }) // a late event stands at its own time
	missed := slices.DeleteFunc(talents, func(id int64) bool {
		was := s.sent[id]
		s.sent[id] = true
		return was || fresh
	})
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
			lists = append(lists, p.ZRevRangeByScore(ctx, fmt.Sprintf(shared.Timeline, f.Category), &redis.ZRangeBy{Min: fmt.Sprint(from(f)), Max: "+inf", Count: 300}))
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

// notifications are frames of the open ones of talents, oldest first, as the inbox lists them but for read. A change has no id: a browser's place does not go back.
func (h *hub) notifications(ctx context.Context, change bool, talents ...int64) (frames []frame, err error) {
	var found []struct {
		TalentID, PriceKrw, SellerID, RegisteredMs int64
		Title, Category                            string
	}
	err = sqlscan.Select(ctx, h.db, &found, `SELECT talent_id, title, category, price_krw, seller_id, registered_ms FROM talents
		WHERE state = 'open' AND talent_id IN (`+strings.Trim(strings.ReplaceAll(fmt.Sprint(talents), " ", ", "), "[]")+`) ORDER BY registered_ms, talent_id`) // integers: nothing to inject
	for _, t := range found {
		id := fmt.Sprint(shared.NID(t.TalentID, "talent"))
		title, _ := json.Marshal(t.Title) // cannot fail
		data := fmt.Sprintf(`{"id":"%s","talentId":%d,"title":%s,"category":"%s","priceKrw":%d,"sellerId":%d,"at":"%s"}`, id, t.TalentID, title, t.Category, t.PriceKrw, t.SellerID, time.UnixMilli(t.RegisteredMs).UTC().Format(time.RFC3339Nano))
		f := frame{category: t.Category, text: event("notification", data), seller: t.SellerID, ms: t.RegisteredMs}
		if !change {
			f.once, f.text = t.TalentID, fmt.Sprintf("id: %d-%s\n", t.RegisteredMs, id)+f.text
		}
		frames = append(frames, f)
	}
	return frames, err
}
