package main

import (
	"database/sql"
	"fmt"
	"net/http"
	"strconv"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"

	"somssi/shared"
)

type handler struct {
	users  shared.Users
	outbox *shared.Outbox
	rdb    *redis.Client
	loads  singleflight.Group
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /talents", h.write(http.StatusCreated))
	mux.HandleFunc("GET /talents/{id}", shared.Answer(h.show))
	mux.HandleFunc("PATCH /talents/{id}", h.write(http.StatusOK))
	mux.HandleFunc("DELETE /talents/{id}", h.write(http.StatusNoContent))
	return mux
}

// write makes a route that answers with status once a talent is what its seller says, and that is committed and told.
func (h *handler) write(status int) http.HandlerFunc {
	return shared.Answer(func(w http.ResponseWriter, r *http.Request) error {
		user, err := h.users.Of(r)
		in, was, t, row := wish{}, talent{}, talent{}, shared.Row{}
		if err == nil && r.Method != http.MethodDelete {
			err = shared.ReadJSON(w, r, &in)
		}
		if err == nil {
			err = shared.InTx(r.Context(), h.outbox.DB, func(tx *sql.Tx) error {
				if was, t, err = edit(r, tx, user, in); err == nil && t.Version > was.Version && t.TalentID == was.TalentID {
					row, err = h.save(r.Context(), tx, was, t)
				}
				return err
			})
		}
		if err == nil && row.ID != "" {
			h.outbox.Publish(row)
		}
		if err == nil && status == http.StatusNoContent {
			w.WriteHeader(status)
		} else if err == nil {
			shared.WriteJSON(w, status, t.answer())
		}
		return err
	})
}

// show answers 200 with a talent, open or closed, to anybody.
func (h *handler) show(w http.ResponseWriter, r *http.Request) error {
	id, _ := strconv.ParseUint(r.PathValue("id"), 10, 64) // as an int64 not positive where it is none
	body, err := h.get(r.Context(), int64(id))
	switch {
	case err != nil:
		return fmt.Errorf("show talent %d: %w", id, err)
	case string(body) == "null" || fmt.Sprint(id) != r.PathValue("id"): // which may be written otherwise
		return &shared.Problem{Status: http.StatusNotFound, Detail: "there is no such talent"}
	}
	shared.WriteJSON(w, http.StatusOK, body)
	return nil
}
