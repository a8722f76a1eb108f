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

// rebuild enters every open talent, withdraws every closed one, and removes
// what SQL does not know. There is no second generation to switch to: beside
// deliveries that go on, both ways do the same to the same talent, and nobody
// finds a timeline empty meanwhile. Nobody is hinted at what is entered.
func (h handler) rebuild(ctx context.Context, db *sql.DB) error {
	for _, script := range []*redis.Script{enterScript, leaveScript} {
		if err := script.Load(ctx, h.rdb).Err(); err != nil {
			return fmt.Errorf("load a script: %w", err)
		}
	}
	var last int64
	for {
		var found []struct {
			TalentID, SellerID, AtMs int64
			Category, State          string
		}
		err := sqlscan.Select(ctx, db, &found, `
			SELECT talent_id, seller_id, category, CASE state WHEN 'open' THEN registered_ms ELSE changed_ms END AS at_ms, state
			FROM talents WHERE talent_id > $1 ORDER BY talent_id LIMIT $2`, last, batch)
		if err != nil {
			return fmt.Errorf("read talents after %d: %w", last, err)
		}
		_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, f := range found {
				t := talent{f.TalentID, f.SellerID, f.Category, time.UnixMilli(f.AtMs)}
				if f.State == "closed" {
					_ = leave(ctx, p, t, true) // its own event will find it gone
				} else {
					_ = enter(ctx, p, t, false)
				}
				last = f.TalentID
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("rebuild the timelines: %w", err)
		}
		if len(found) < batch {
			return h.sweep(ctx, db)
		}
	}
}

// sweep removes from the timelines whom SQL does not know. A talent is
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
			WHERE category = $1 AND talent_id IN (`+strings.Join(ids, ", ")+`)`, category) // integers: nothing to inject
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
