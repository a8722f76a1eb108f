package main

import (
	"context"
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
redis.call('SADD', KEYS[4], ARGV[4])
return 1`)

// count spreads talents over slots by their id, so that one core is not the
// limit. Ids counted are kept for good, by the hour of registration: sets that
// small are packed by Redis to some 8 bytes an id, and a figure stays exact
// however late an event comes.
func count(ctx context.Context, c redis.Scripter, t talent) error {
	_, hour, keys, minute := t.place()
	if err := countScript.Run(ctx, c, keys, t.ID, t.Category, minute, hour).Err(); err != nil {
		return fmt.Errorf("count talent %d: %w", t.ID, err)
	}
	return nil
}

// place is where a talent counts: its shard, its hour, the keys of those
// counted, of the totals, of the minutes and of the hours that there are, and the minute.
func (t talent) place() (shard int, hour string, keys []string, minute int) {
	at := t.At.UTC()
	shard, hour = shared.StatsShard(t.ID), at.Format("2006-01-02T15")
	return shard, hour, []string{
		fmt.Sprintf(shared.StatsCounted, shard, hour),
		fmt.Sprintf(shared.StatsTotals, shard),
		fmt.Sprintf(shared.StatsMinutes, shard, at.Format(time.DateOnly)),
		fmt.Sprintf("{s%02d}:hours", shard),
	}, at.Hour()*60 + at.Minute()
}
