package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

type handler struct {
	users shared.Users
	db    *sql.DB
	rdb   *redis.Client
}

func (h handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /inbox", h.forUser(h.list))
	mux.HandleFunc("GET /inbox/badge", h.forUser(h.badge))
	mux.HandleFunc("POST /inbox/seen", h.forUser(h.seen))
	mux.HandleFunc("POST /inbox/{id}/read", h.forUser(h.mark))
	mux.HandleFunc("POST /inbox/{id}/archive", h.forUser(h.mark))
	return mux
}

// forUser hands answer the inbox of the user whose token came with the request.
func (h handler) forUser(answer func(http.ResponseWriter, *http.Request, inbox) error) http.HandlerFunc {
	return shared.Answer(func(w http.ResponseWriter, r *http.Request) (err error) {
		var in inbox
		if in.user, err = h.users.Of(r); err != nil {
			return err
		}
		err = sqlscan.Select(r.Context(), h.db, &in.follows, `
			SELECT i.category, i.since_ms, COALESCE(s.up_to_ms, 0) AS seen_ms
			FROM interests i LEFT JOIN seen s ON s.user_id = i.user_id WHERE i.user_id = $1`, in.user)
		if err != nil {
			return fmt.Errorf("read the interests of user %d: %w", in.user, err)
		}
		return answer(w, r, in)
	})
}

// list answers a page, newest first; its next, where there is more, is the cursor of the one that follows.
func (h handler) list(w http.ResponseWriter, r *http.Request, in inbox) error {
	from := newestOfAll
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		if _, err := fmt.Sscanf(cursor, cursorFormat, &from.ms, &from.member); err != nil {
			return shared.Invalid(shared.Field{Field: "cursor", Reason: "must be the next of an earlier page"})
		}
	}
	page, err := h.page(r.Context(), in, from)
	if err == nil {
		page.Badge, err = h.unseen(r.Context(), in)
	}
	if err == nil {
		shared.WriteJSON(w, http.StatusOK, page)
	}
	return err
}

func (h handler) badge(w http.ResponseWriter, r *http.Request, in inbox) error {
	n, err := h.unseen(r.Context(), in)
	if err == nil {
		shared.WriteJSON(w, http.StatusOK, map[string]int{"badge": n})
	}
	return err
}

// seen moves the mark up to which the user has looked, an item's at: forward
// only, and not beyond what there is, since nobody has seen what is to come.
func (h handler) seen(w http.ResponseWriter, r *http.Request, in inbox) error {
	var body struct {
		UpTo time.Time `json:"upTo"`
	}
	err := shared.ReadJSON(w, r, &body)
	if err == nil && body.UpTo.IsZero() {
		err = shared.Invalid(shared.Field{Field: "upTo", Reason: "must be the at of an item"})
	}
	if err != nil {
		return err
	}
	for newest, err := range h.entries(r.Context(), in, newestOfAll) {
		if err != nil {
			return err
		}
		return h.keep(w, r, in, `
			INSERT INTO seen (user_id, up_to_ms) VALUES ($1, $2)
			ON CONFLICT (user_id) DO UPDATE SET up_to_ms = excluded.up_to_ms WHERE seen.up_to_ms < excluded.up_to_ms`,
			in.user, min(body.UpTo.UnixMilli(), newest.ms))
	}
	w.WriteHeader(http.StatusNoContent) // an empty inbox
	return nil
}

// mark marks an item read and, on the route archive, puts it away. Marks are never taken back.
func (h handler) mark(w http.ResponseWriter, r *http.Request, in inbox) error {
	for p, err := range h.entries(r.Context(), in, newestOfAll) {
		if err != nil {
			return err
		}
		if _, _, nid := p.talent(); strconv.FormatInt(nid, 10) == r.PathValue("id") {
			return h.keep(w, r, in, `
				INSERT INTO marks (user_id, nid, read_ms, archived_ms) VALUES ($1, $2, $3, CASE WHEN $4 THEN CAST($3 AS BIGINT) ELSE 0 END)
				ON CONFLICT (user_id, nid) DO UPDATE SET archived_ms = excluded.archived_ms WHERE marks.archived_ms = 0`,
				in.user, nid, time.Now().UnixMilli(), r.Pattern == "POST /inbox/{id}/archive")
		}
	}
	return &shared.Problem{Status: http.StatusNotFound, Detail: "this inbox has no such item"}
}

// keep commits what a user did and hints at it to his open streams.
func (h handler) keep(w http.ResponseWriter, r *http.Request, in inbox, statement string, args ...any) error {
	if _, err := h.db.ExecContext(r.Context(), statement, args...); err != nil {
		return fmt.Errorf("keep a mark of user %d: %w", in.user, err)
	}
	_ = h.rdb.Publish(r.Context(), shared.UserHints(in.user), in.user).Err() // may be lost
	w.WriteHeader(http.StatusNoContent)
	return nil
}
