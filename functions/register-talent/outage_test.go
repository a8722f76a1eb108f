package main

import (
	"database/sql"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

// While SQL has no connection left, or a table is locked, all who ask are told to
// try again within the time that a request has; none is left waiting, nothing of
// what they asked for is done later, and then all is well again.
func TestOutage_of_SQL_that_does_not_answer(t *testing.T) {
	for name, hold := range map[string]func(t *testing.T, db *sql.DB) (release func()){
		"no_connection_left": func(t *testing.T, db *sql.DB) func() {
			var all []*sql.Conn
			for range db.Stats().MaxOpenConnections {
				c, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, c)
			}
			return func() {
				for _, c := range all {
					_ = c.Close()
				}
			}
		},
		"table_locked": func(t *testing.T, db *sql.DB) func() {
			tx, err := db.BeginTx(t.Context(), nil) // in SQLite the lock of all
			if err == nil {
				_, _ = tx.ExecContext(t.Context(), `LOCK TABLE talents`) // which SQLite does not know
			}
			if err != nil {
				t.Fatal(err)
			}
			return func() { _ = tx.Rollback() }
		},
	} {
		t.Run(name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				h := build(t, s)
				before := h.count(t, `SELECT COUNT(*) FROM talents`)
				release := hold(t, s.DB)
				var all sync.WaitGroup
				for range 50 { // as many as are sent to it at once
					all.Go(func() {
						w := h.ask(t, seller, http.MethodPost, "/talents", `{"category":"piano","title":"x","priceKrw":0,"tags":[]}`)
						if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
							t.Errorf("%s with %v", told(w), w.Header())
						}
					})
				}
				all.Wait()
				release()
				for limit := time.Now().Add(10 * time.Second); s.DB.Stats().InUse > 0; runtime.Gosched() {
					if time.Now().After(limit) {
						t.Fatalf("%d connections are in use when all have been answered", s.DB.Stats().InUse)
					}
				}
				if got := h.count(t, `SELECT COUNT(*) FROM talents`); got != before {
					t.Errorf("%d talents are there, want %d: those refused are not registered later", got, before)
				}
				if got := told(h.ask(t, seller, http.MethodPost, "/talents", `{"category":"piano","title":"x","priceKrw":0,"tags":[]}`)); !strings.HasPrefix(got, "201 ") {
					t.Errorf("afterwards: %s", got)
				}
			})
		})
	}
}
