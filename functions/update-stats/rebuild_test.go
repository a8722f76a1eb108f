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

	"github.com/redis/go-redis/v9"

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
		for done := false; !done; { // the last one begins before all is delivered, or it would mend what the others had lost
			began := time.Now()
			err = errors.Join(err, h.rebuild(t.Context(), s.DB))
			t.Logf("%d talents in %s", n, time.Since(began))
			select {
			case <-delivered:
				done = true
			default:
			}
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

// A talent that is registered and told of after all were read, and before the
// switch, is counted.
func TestRebuild_counts_what_comes_before_the_switch(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		late := func() {
			_, err := s.DB.ExecContext(t.Context(), `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
				VALUES (1001, 1, 7, 'music', 'x', 0, '[]', 'open', 1795338000123, $1)`, time.Now().UnixMilli())
			if err == nil {
				err = handler{s.Redis}.handle(t.Context(), eventtest.Load(t, "guitar-registered.json"))
			}
			if err != nil {
				t.Error(err)
			}
		}
		o := *s.Redis.Options()
		rdb := redis.NewClient(&o)
		defer func() { _ = rdb.Close() }()
		rdb.AddHook(&beforeScript{do: late})
		if err := (handler{rdb}).rebuild(t.Context(), s.DB); err != nil {
			t.Fatal(err)
		}
		if got := figures(t, s); got != "09:00=1 category:music=1 talents=1" {
			t.Errorf("figures %q, want the one that came late", got)
		}
	})
}

// beforeScript does something before the first script.
type beforeScript struct{ do func() }

func (b *beforeScript) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *beforeScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b *beforeScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, command redis.Cmder) error {
		if command.Name() == "evalsha" && b.do != nil {
			b.do()
			b.do = nil
		}
		return next(ctx, command)
	}
}
