package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

const (
	most     = 50 // categories that a user follows
	hintWait = 250 * time.Millisecond
)

type handler struct {
	users shared.Users
	db    *sql.DB
	rdb   *redis.Client
	now   func() time.Time
}

func (h handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /interests", shared.Answer(h.list))
	mux.Handle("PUT /interests/categories/{category}", shared.Answer(h.change(h.follow)))
	mux.Handle("DELETE /interests/categories/{category}", shared.Answer(h.change(h.unfollow)))
	return mux
}

// change answers 204 once do has done what its caller wants with a category.
func (h handler) change(do func(ctx context.Context, user int64, category string) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		user, err := h.users.Of(r)
		if err != nil {
			return err
		}
		category := r.PathValue("category")
		if !shared.Category.MatchString(category) {
			return shared.Invalid(shared.Field{Field: "category", Reason: "must be 1 to 64 of a-z, 0-9 and -"})
		}
		if err := do(r.Context(), user, category); err != nil {
			return err
		}
		h.hint(r.Context(), user)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// follow adds the category, unless it is there: the user's first wish counts.
func (h handler) follow(ctx context.Context, user int64, category string) error {
	return shared.InTx(ctx, h.db, func(tx *sql.Tx) error {
		// The statement below counts what is committed. This one changes nothing: it
		// lets a user's requests at one instant wait for each other, at the oldest
		// row, which all see; only the very first have none.
		_, err := tx.ExecContext(ctx, `UPDATE interests SET since_ms = since_ms WHERE user_id = $1 AND category =
			(SELECT category FROM interests WHERE user_id = $1 ORDER BY since_ms, category LIMIT 1)`, user)
		if err == nil {
			_, err = tx.ExecContext(ctx, `INSERT INTO interests (user_id, category, since_ms)
				SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BIGINT)
				WHERE (SELECT count(*) FROM interests WHERE user_id = $1) < $4
				ON CONFLICT (user_id, category) DO NOTHING`, user, category, h.now().UnixMilli(), most)
		}
		var one int
		if err == nil {
			err = tx.QueryRowContext(ctx, `SELECT 1 FROM interests WHERE user_id = $1 AND category = $2`, user, category).Scan(&one)
		}
		if errors.Is(err, sql.ErrNoRows) {
			return shared.Invalid(shared.Field{Field: "category", Reason: fmt.Sprintf("is one more than the %d that a user can follow", most)})
		}
		if err != nil {
			return fmt.Errorf("follow %s for user %d: %w", category, user, err)
		}
		return nil
	})
}

func (h handler) unfollow(ctx context.Context, user int64, category string) error {
	if _, err := h.db.ExecContext(ctx, `DELETE FROM interests WHERE user_id = $1 AND category = $2`, user, category); err != nil {
		return fmt.Errorf("unfollow %s for user %d: %w", category, user, err)
	}
	return nil
}

// hint tells open streams that the user's interests changed, also where a
// repeated request changed nothing, as the hint of the first may be lost. It may
// fail, and a Redis that is away is not waited for longer than hintWait.
func (h handler) hint(ctx context.Context, user int64) {
	ctx, cancel := context.WithTimeout(ctx, hintWait)
	defer cancel()
	_ = h.rdb.Publish(ctx, shared.UserHints(user), strconv.FormatInt(user, 10)).Err()
}

type interest struct {
	Category string `json:"category"`
	Since    string `json:"since"`
}

// list answers 200 with what the caller follows, by name.
func (h handler) list(w http.ResponseWriter, r *http.Request) error {
	user, err := h.users.Of(r)
	if err != nil {
		return err
	}
	rows, err := h.db.QueryContext(r.Context(), `SELECT category, since_ms FROM interests WHERE user_id = $1`, user)
	if err != nil {
		return fmt.Errorf("list the interests of user %d: %w", user, err)
	}
	defer func() { _ = rows.Close() }()
	out := []interest{}
	for rows.Next() {
		var category string
		var since int64
		if err := rows.Scan(&category, &since); err != nil {
			return fmt.Errorf("list the interests of user %d: %w", user, err)
		}
		out = append(out, interest{category, time.UnixMilli(since).UTC().Format("2006-01-02T15:04:05.000Z")})
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("list the interests of user %d: %w", user, err)
	}
	// Not by SQL, where the order depends on the database's language.
	slices.SortFunc(out, func(a, b interest) int { return cmp.Compare(a.Category, b.Category) })
	shared.WriteJSON(w, http.StatusOK, map[string]any{"categories": out})
	return nil
}
