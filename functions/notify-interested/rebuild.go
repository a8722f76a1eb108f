package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

const batch = 500 // talents

// rebuild enters the newest open talents of each category, withdraws those
// closed within 8 days, and removes what SQL does not have as open. There is no
// second generation to switch to: beside deliveries that go on, both ways do the
// same to the same talent, and nobody finds a timeline empty meanwhile. Nobody is
// hinted at what is entered.
func (h handler) rebuild(ctx context.Context, db *sql.DB) error {
	for _, script := range []*redis.Script{enterScript, leaveScript} {
		if err := script.Load(ctx, h.rdb).Err(); err != nil {
			return fmt.Errorf("load a script: %w", err)
		}
	}
	rows, err := db.QueryContext(ctx, `
		SELECT talent_id, seller_id, category, CASE state WHEN 'open' THEN registered_ms ELSE changed_ms END, state
		FROM talents WHERE state = 'open' OR changed_ms > $1 ORDER BY registered_ms DESC`, time.Now().Add(-8*24*time.Hour).UnixMilli())
	if err != nil {
		return fmt.Errorf("read all talents: %w", err)
	}
	defer func() { _ = rows.Close() }()
	entered := map[string]int{}
	for more := true; more; {
		open, closed := map[string][]talent{}, map[string][]talent{} // by category
		for n := 0; n < batch; n++ {
			if more = rows.Next(); !more {
				break
			}
			var t talent
			var ms int64
			var state string
			if err := rows.Scan(&t.ID, &t.Seller, &t.Category, &ms, &state); err != nil {
				return fmt.Errorf("read all talents: %w", err)
			}
			if t.At = time.UnixMilli(ms); state == "closed" {
				closed[t.Category] = append(closed[t.Category], t)
			} else if entered[t.Category]++; entered[t.Category] <= 1000 {
				open[t.Category] = append(open[t.Category], t)
			}
		}
		_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, talents := range closed {
				_ = leave(ctx, p, true, talents...) // their own events will find them gone
			}
			for _, talents := range open {
				_ = enter(ctx, p, false, talents...)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("rebuild the timelines: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read all talents: %w", err)
	}
	return h.sweep(ctx, db)
}

// sweep removes from the timelines whom SQL does not have as open. A talent is
// committed before anybody is told of it: what SQL does not have after Redis had
// it, it never had, or lost.
func (h handler) sweep(ctx context.Context, db *sql.DB) error {
	keys := h.rdb.Scan(ctx, 0, fmt.Sprintf(shared.Timeline, "*"), 1000).Iterator()
	for keys.Next(ctx) {
		category := strings.TrimPrefix(keys.Val(), fmt.Sprintf(shared.Timeline, ""))
		members, err := h.rdb.ZRange(ctx, keys.Val(), 0, -1).Result()
		if err != nil {
			return fmt.Errorf("read the timeline of %s: %w", category, err)
		}
		ids := []string{"0"}
		for _, member := range members {
			var id, seller int64
			if _, err := fmt.Sscanf(member, shared.Member, &id, &seller); err == nil {
				ids = append(ids, fmt.Sprint(id))
			}
		}
		var known []string
		err = sqlscan.Select(ctx, db, &known, `SELECT CAST(talent_id AS TEXT) || ':' || CAST(seller_id AS TEXT) FROM talents
			WHERE state = 'open' AND category = $1 AND talent_id IN (`+strings.Join(ids, ", ")+`)`, category) // integers: nothing to inject
		if err != nil {
			return fmt.Errorf("look for the talents of %s: %w", category, err)
		}
		strangers := map[any]bool{}
		for _, member := range members {
			strangers[member] = true
		}
		for _, member := range known {
			delete(strangers, member)
		}
		for member := range strangers {
			if err := h.rdb.ZRem(ctx, keys.Val(), member).Err(); err != nil {
				return fmt.Errorf("remove from the timeline of %s: %w", category, err)
			}
		}
	}
	return keys.Err()
}
