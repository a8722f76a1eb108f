package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

// Whatever the figures were, and beside deliveries, they are those of SQL in the
// end, and never nothing on the way. SIZE=100000 measures.
func TestRebuild_beside_deliveries(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		n := 2500
		if size, err := strconv.Atoi(os.Getenv("SIZE")); err == nil {
			n = size
		}
		h, sums := handler{s.Redis}, map[string]int{}
		at := func(i int) time.Time { return time.UnixMilli(1795305600000 + int64(i)*30).UTC() } // from 00:00
		insert := func(tx interface {
			ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		}, i int) {
			_, err := tx.ExecContext(t.Context(), `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
				VALUES ($1, 1, 7, $2, 'x', 0, '[]', 'open', $3, $4)`, i+1, "c"+strconv.Itoa(i%7), at(i).UnixMilli(), time.Now().UnixMilli())
			if err != nil {
				t.Error(err)
			}
		}
		tx, err := s.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if i < n-400 {
				insert(tx, i)
			}
			sums["talents"]++
			sums["category:c"+strconv.Itoa(i%7)]++
			sums[at(i).Format("15:04")]++
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		// What SQL never had, and a total that was lost.
		for _, stranger := range []talent{{1 << 40, "phantom", at(5)}, {1<<40 + 1, "phantom", at(0).Add(-time.Hour)}} {
			if err := count(t.Context(), s.Redis, stranger); err != nil {
				t.Fatal(err)
			}
		}
		s.Redis.HSet(t.Context(), "{s03}:total", "talents", 7)

		delivered := make(chan struct{})
		go func() { // the newest, while the others are counted
			defer close(delivered)
			for i := n - 400; i < n; i++ {
				insert(s.DB, i)
				e := eventtest.Load(t, "guitar-registered.json")
				e.DataEncoded = fmt.Appendf(nil, `{"talentId":%d,"category":"c%d","at":%q}`, i+1, i%7, at(i).Format(time.RFC3339Nano))
				if err := h.handle(t.Context(), e); err != nil {
					t.Error(err)
				}
			}
		}()
		for done := false; !done; {
			select {
			case <-delivered:
				done = true
			default:
			}
			began := time.Now()
			err = errors.Join(err, h.rebuild(t.Context(), s.DB))
			t.Logf("%d talents in %s", n, time.Since(began))
		}
		if err != nil {
			t.Fatal(err)
		}

		var want []string
		for _, name := range slices.Sorted(maps.Keys(sums)) {
			want = append(want, fmt.Sprintf("%s=%d", name, sums[name]))
		}
		if got := figures(t, s); got != strings.Join(want, " ") {
			t.Errorf("figures %.300s\nwant    %.300s", got, strings.Join(want, " "))
		}
		if left := s.Redis.Keys(t.Context(), "*:*:*-*-*-*-*").Val(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}
