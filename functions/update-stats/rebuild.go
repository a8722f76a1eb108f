package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

const batch = 1000 // talents

// switchScript puts a shard's new generation in the place of the old one, which
// it finds by the hours it has counted: what is counted in between would be
// remembered and not counted.
var switchScript = redis.NewScript(`
local shard, suffix = ARGV[1], ARGV[2]
for _, hour in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  redis.call('DEL', shard .. 'counted:' .. hour, shard .. 'm:' .. string.sub(hour, 1, 10))
end
redis.call('DEL', KEYS[1], KEYS[2])
for i = 3, #ARGV do
  local hour, counted, minutes = ARGV[i], shard .. 'counted:' .. ARGV[i], shard .. 'm:' .. string.sub(ARGV[i], 1, 10)
  redis.call('RENAME', counted .. suffix, counted)
  redis.call('PERSIST', counted)
  redis.call('SADD', KEYS[1], hour)
  if redis.call('EXISTS', minutes .. suffix) == 1 then
    redis.call('RENAME', minutes .. suffix, minutes)
    redis.call('EXPIRE', minutes, 691200)
  end
end
if redis.call('EXISTS', KEYS[2] .. suffix) == 1 then
  redis.call('RENAME', KEYS[2] .. suffix, KEYS[2])
  redis.call('PERSIST', KEYS[2])
end
return 1`)

// rebuild counts all talents of SQL in a new generation of keys, switches to
// it, and then counts those that were registered meanwhile. Figures that were
// right go back by these for an instant, never to nothing; wrong ones become
// right, whatever they were. What a rebuild that was killed leaves ends by itself.
func (h handler) rebuild(ctx context.Context, db *sql.DB) error {
	began, suffix := time.Now().Add(-10*time.Minute), ":"+uuid.NewString() // clocks differ, and transactions take time
	hashes, hours := map[string]map[string]int{}, make([]map[string]bool, shared.StatsShards)
	add := func(key, field string) {
		if hashes[key] == nil {
			hashes[key] = map[string]int{}
		}
		hashes[key][field]++
	}
	err := each(ctx, db, 0, func(ctx context.Context, found []talent) error {
		counted := map[string][]any{}
		for _, t := range found {
			shard, hour, keys, minute := t.place()
			counted[keys[0]] = append(counted[keys[0]], t.ID)
			if hours[shard] == nil {
				hours[shard] = map[string]bool{}
			}
			hours[shard][hour] = true
			add(keys[1], "talents")
			add(keys[1], "category:"+t.Category)
			add(keys[2], fmt.Sprint(minute))
		}
		_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for key, ids := range counted {
				p.SAdd(ctx, key+suffix, ids...)
				p.Expire(ctx, key+suffix, time.Hour)
			}
			return nil
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("count all talents: %w", err)
	}
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for key, fields := range hashes {
			var pairs []any
			for field, n := range fields {
				pairs = append(pairs, field, n)
			}
			p.HSet(ctx, key+suffix, pairs...)
			p.Expire(ctx, key+suffix, time.Hour)
		}
		return nil
	})
	for shard := range hours {
		prefix := strings.TrimSuffix(fmt.Sprintf(shared.StatsTotals, shard), "total")
		args := []any{prefix, suffix}
		for hour := range hours[shard] {
			args = append(args, hour)
		}
		if err == nil {
			err = switchScript.Run(ctx, h.rdb, []string{prefix + "hours", fmt.Sprintf(shared.StatsTotals, shard)}, args...).Err()
		}
	}
	if err != nil {
		return fmt.Errorf("switch to the new figures: %w", err)
	}
	return each(ctx, db, began.UnixMilli(), h.countMissed)
}

// countMissed counts those of found that are not. To ask first, for all at once, is cheap beside the script.
func (h handler) countMissed(ctx context.Context, found []talent) error {
	counted := make([]*redis.BoolCmd, len(found))
	_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range found {
			_, _, keys, _ := t.place()
			counted[i] = p.SIsMember(ctx, keys[0], t.ID)
		}
		return nil
	})
	for i, t := range found {
		if err == nil && !counted[i].Val() {
			err = count(ctx, h.rdb, t)
		}
	}
	return err
}

// each hands all talents that changed since a time to do, in batches.
func each(ctx context.Context, db *sql.DB, since int64, do func(context.Context, []talent) error) error {
	for last, more := int64(0), true; more; {
		var rows []struct {
			TalentID, RegisteredMs int64
			Category               string
		}
		err := sqlscan.Select(ctx, db, &rows, `SELECT talent_id, category, registered_ms FROM talents
			WHERE talent_id > $1 AND changed_ms >= $2 ORDER BY talent_id LIMIT $3`, last, since, batch)
		if err != nil {
			return fmt.Errorf("read talents after %d: %w", last, err)
		}
		var found []talent
		for _, r := range rows {
			found = append(found, talent{r.TalentID, r.Category, time.UnixMilli(r.RegisteredMs)})
			last = r.TalentID
		}
		if more = len(rows) == batch; len(found) > 0 {
			if err := do(ctx, found); err != nil {
				return err
			}
		}
	}
	return nil
}
