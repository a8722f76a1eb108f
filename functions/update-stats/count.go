package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// countScript is one script because a talent must not be remembered and not
// counted, nor counted and not remembered, whatever ends in between.
var countScript = redis.NewScript(`
if redis.call('SADD', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[2], 'talents', 1)
redis.call('HINCRBY', KEYS[2], 'category:' .. ARGV[2], 1)
redis.call('HINCRBY', KEYS[3], ARGV[3], 1)
redis.call('EXPIRE', KEYS[3], 691200)
return 1`)

// count spreads talents over slots by their id, so that one core is not the
// limit. Ids counted are kept for good, by the hour of registration: sets that
// small are packed by Redis to some 8 bytes an id, and a figure stays exact
// however late an event comes.
func count(ctx context.Context, c redis.Scripter, t talent) error {
	shard := shared.StatsShard(t.ID)
	at := t.At.UTC()
	keys := []string{
		fmt.Sprintf(shared.StatsCounted, shard, at.Format("2006-01-02T15")),
		fmt.Sprintf(shared.StatsTotals, shard),
		fmt.Sprintf(shared.StatsMinutes, shard, at.Format(time.DateOnly)),
	}
	if err := countScript.Run(ctx, c, keys, t.ID, t.Category, at.Hour()*60+at.Minute()).Err(); err != nil {
		return fmt.Errorf("count talent %d: %w", t.ID, err)
	}
	return nil
}

// rebuild counts every talent in SQL that is not yet counted, beside the
// deliveries that go on.
func (h handler) rebuild(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT talent_id, category, registered_ms FROM talents`)
	if err != nil {
		return fmt.Errorf("read all talents: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var t talent
		var ms int64
		if err := rows.Scan(&t.ID, &t.Category, &ms); err != nil {
			return fmt.Errorf("read a talent: %w", err)
		}
		t.At = time.UnixMilli(ms)
		if err := count(ctx, h.rdb, t); err != nil {
			return err
		}
	}
	return rows.Err()
}
