package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared/eventtest"
)

// Whatever stood in a timeline, and beside deliveries, it holds in the end the
// open talents of SQL, and nobody is told of what is made again. SIZE=100000 measures.
func TestRebuild_beside_deliveries(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		n := 900
		if size, err := strconv.Atoi(os.Getenv("SIZE")); err == nil {
			n = size
		}
		h, hints := handler{s.Redis}, listen(t, s)
		at := func(i int) int64 { return 1795305600000 + int64(i) }
		tx, err := s.DB.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range n {
			state := "open"
			if i%3 == 0 {
				state = "closed"
			}
			_, err := tx.ExecContext(t.Context(), `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
				VALUES ($1, 1, 7, 'music', 'x', 0, '[]', $2, $3, $4)`, i+1, state, at(i), at(i)+60_000)
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		for i := range n + 300 {
			if i >= n || i%3 != 0 {
				want = append(want, fmt.Sprintf("%d:7@%d", i+1, at(i)))
			}
		}
		for _, stranger := range []string{"999999999:7", "2:8", "nonsense", fmt.Sprintf("%d:7", 1)} { // unknown, another's, no talent, closed
			s.Redis.ZAdd(t.Context(), "tl:music", redis.Z{Score: float64(at(5)), Member: stranger})
		}
		s.Redis.ZAdd(t.Context(), "tl:empty", redis.Z{Score: 1, Member: "999999999:7"})

		delivered := make(chan struct{})
		go func() { // new ones, and the closing of what SQL has as closed
			defer close(delivered)
			for i := n; i < n+300; i++ {
				insert(t, s.DB, int64(i+1), "open", at(i), at(i))
				for what, id := range map[string]int{"registered": i + 1, "closed": (i-n)%(n/3)*3 + 1} {
					e := eventtest.Load(t, "guitar-registered.json")
					e.SetType("somssi.talent." + what + ".v1")
					e.DataEncoded = fmt.Appendf(nil, `{"talentId":%d,"sellerId":7,"category":"music","at":%q}`, id, time.UnixMilli(at(id-1)).UTC().Format(time.RFC3339Nano))
					if err := h.handle(t.Context(), e); err != nil {
						t.Error(err)
					}
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

		if got := timeline(t, s, "music"); got != strings.Join(want[max(0, len(want)-1000):], " ") {
			t.Errorf("timeline %.300s\nwant     %.300s", got, strings.Join(want, " "))
		}
		if left := s.Redis.Exists(t.Context(), "tl:empty").Val(); left != 0 {
			t.Error("the timeline of what SQL does not know is still there")
		}
		for _, hint := range strings.Split(hints(), ", ") {
			var id int
			if _, err := fmt.Sscanf(hint, "registered %d", &id); err == nil && id <= n {
				t.Errorf("%s, which is made again", hint)
			}
		}
	})
}
