package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// inbox decides what a user is told: what he follows since when, and up to where he has looked.
type inbox struct {
	user    int64
	follows []struct {
		Category        string
		SinceMs, SeenMs int64
	}
}

// position is where an entry stands: newest first, and within a millisecond as Redis orders members.
type position struct {
	ms     int64
	member string
}

const cursorFormat = "%d-%s" // ms, member
var newestOfAll = position{ms: 1<<53 - 1}

func (p position) talent() (id, seller, nid int64) {
	_, _ = fmt.Sscanf(p.member, shared.Member, &id, &seller)
	return id, seller, shared.NID(id, "talent")
}

func newestFirst(a, b position) int {
	return cmp.Or(cmp.Compare(b.ms, a.ms), cmp.Compare(b.member, a.member))
}

// entries are those of all timelines that the user follows, after from, newest first, without his own.
func (h handler) entries(ctx context.Context, in inbox, from position) iter.Seq2[position, error] {
	return func(yield func(position, error) bool) {
		for width := 64; ; width *= 2 { // the first page is what nearly everybody wants
			batch, more, err := h.read(ctx, in, from, width)
			for _, from = range batch {
				if _, seller, _ := from.talent(); seller != in.user && !yield(from, nil) {
					return
				}
			}
			if err != nil {
				yield(from, err)
			}
			if !more {
				return
			}
		}
	}
}

// read is the entries after from down to where width of each timeline are complete; more, if there may be.
func (h handler) read(ctx context.Context, in inbox, from position, width int) (batch []position, more bool, err error) {
	lists := make([]*redis.ZSliceCmd, len(in.follows))
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, f := range in.follows {
			between := redis.ZRangeBy{Min: fmt.Sprint(f.SinceMs), Max: fmt.Sprint(from.ms), Count: int64(width)}
			lists[i] = p.ZRevRangeByScoreWithScores(ctx, fmt.Sprintf(shared.Timeline, f.Category), &between)
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the timelines: %w", err)
	}
	var floor, last position
	for _, list := range lists {
		for _, z := range list.Val() {
			last = position{int64(z.Score), z.Member.(string)}
			batch = append(batch, last)
		}
		if len(list.Val()) == width && newestFirst(last, floor) < 0 {
			floor, more = last, true
		}
	}
	batch = slices.DeleteFunc(batch, func(p position) bool { return newestFirst(p, from) <= 0 || newestFirst(p, floor) > 0 })
	slices.SortFunc(batch, newestFirst)
	return batch, more, nil
}

// unseen is the badge, counted each time so that it cannot drift; 100 stands for more.
func (h handler) unseen(ctx context.Context, in inbox) (n int, err error) {
	for p, err := range h.entries(ctx, in, newestOfAll) {
		if err != nil || p.ms <= in.follows[0].SeenMs || n == 100 {
			return n, err
		}
		n++
	}
	return n, nil
}

type page struct {
	Items []item `json:"items"`
	Badge int    `json:"badge"`
	Next  string `json:"next,omitempty"`
}

type item struct {
	ID       string    `json:"id"` // 63 bits, which JavaScript's numbers cannot hold
	TalentID int64     `json:"talentId"`
	Title    string    `json:"title"`
	Category string    `json:"category"`
	PriceKrw int64     `json:"priceKrw"`
	SellerID int64     `json:"sellerId"`
	At       time.Time `json:"at" db:"-"`
	AtMs     int64     `json:"-"`
	Read     bool      `json:"read"`
}

// page is 20 items after from. What is archived or closed is not shown, hence the rounds.
func (h handler) page(ctx context.Context, in inbox, from position) (p page, err error) {
	var found []position
	for entry, err := range h.entries(ctx, in, from) {
		if err == nil && len(p.Items)+len(found) == 20 {
			p.Items, err = h.show(ctx, in.user, found, p.Items)
			if last := found[len(found)-1]; len(p.Items) == 20 {
				p.Next = fmt.Sprintf(cursorFormat, last.ms, last.member)
				return p, err
			}
			found = nil
		}
		if err != nil {
			return p, err
		}
		found = append(found, entry)
	}
	p.Items, err = h.show(ctx, in.user, found, p.Items)
	return p, err
}

// show appends to items those entries that the user did not archive and whose
// talent is open. Title and price are SQL's: a changed talent shows as it is now.
func (h handler) show(ctx context.Context, user int64, found []position, items []item) ([]item, error) {
	args, values := []any{user}, []string{"(-1, 0, CAST(0 AS BIGINT), CAST(0 AS BIGINT))"} // types; and VALUES of nothing is not SQL
	for i, p := range found {
		id, _, nid := p.talent()
		values = append(values, fmt.Sprintf("(%d, %d, $%d, $%d)", i, p.ms, 2*i+2, 2*i+3))
		args = append(args, id, nid)
	}
	shown := []item{}
	err := sqlscan.Select(ctx, h.db, &shown, `
		WITH found (i, at_ms, talent_id, nid) AS (VALUES `+strings.Join(values, ", ")+`)
		SELECT CAST(f.nid AS TEXT) AS id, f.at_ms, t.talent_id, t.title, t.category, t.price_krw, t.seller_id, m.nid IS NOT NULL AS read
		FROM found f JOIN talents t ON t.talent_id = f.talent_id AND t.state = 'open'
		LEFT JOIN marks m ON m.user_id = $1 AND m.nid = f.nid
		WHERE COALESCE(m.archived_ms, 0) = 0 ORDER BY f.i`, args...)
	for _, one := range shown {
		one.At = time.UnixMilli(one.AtMs).UTC()
		items = append(items, one)
	}
	if err != nil {
		return nil, fmt.Errorf("read the talents of an inbox: %w", err)
	}
	return items, nil
}
