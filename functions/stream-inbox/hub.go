package main

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// hub hands what happens in a category to the streams of its followers: looked up once, written once, however many they are.
type hub struct {
	users   shared.Users
	db      *sql.DB
	rdb     *redis.Client
	mu      sync.Mutex
	streams map[*stream]bool
}

// frame is one event of a stream, and whom it concerns.
type frame struct {
	category, text         string // no text: the user's interests or marks changed
	user, seller, once, ms int64  // once: the talent that this is the first word of
}

func event(name, data string) string { return "event: " + name + "\ndata: " + data + "\n\n" }

// listen takes hints from Redis until ctx ends. What a lost one did not tell, the streams find themselves.
func (h *hub) listen(ctx context.Context) {
	hints := h.rdb.PSubscribe(ctx, fmt.Sprintf(shared.Hints, "*"), "{b*}:ev")
	context.AfterFunc(ctx, func() { _ = hints.Close() })
	for m := range hints.Channel(redis.WithChannelSize(10_000)) {
		for _, f := range h.told(ctx, m) {
			h.mu.Lock()
			for s := range h.streams {
				s.offer(f)
			}
			h.mu.Unlock()
		}
	}
}

// told is the frames of a hint, none where it cannot be looked up.
func (h *hub) told(ctx context.Context, hint *redis.Message) []frame {
	kind, category, id := "", "", int64(0)
	if _, err := fmt.Sscan(hint.Payload, &id); err == nil {
		return []frame{{user: id}}
	}
	_, _ = fmt.Sscan(hint.Payload, &kind, &id)
	if kind == "withdrawn" {
		_, _ = fmt.Sscanf(hint.Channel, shared.Hints, &category)
		return []frame{{category: category, text: event(kind, fmt.Sprintf(`{"id":"%d"}`, shared.NID(id, "talent"))), ms: 1 << 53}}
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
	context.AfterFunc(ctx, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.streams, s)
	})
	return true
}
