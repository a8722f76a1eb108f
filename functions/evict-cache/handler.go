package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

type handler struct{ rdb redis.Scripter }

// handle drops the talent from the cache, unless what is there is as new as the
// event. Events may come in any order: the newest version wins.
func (h handler) handle(ctx context.Context, in event.Event) error {
	switch in.Type() {
	case "somssi.talent.registered.v1", "somssi.talent.changed.v1", "somssi.talent.closed.v1":
	default:
		return nil // nothing cached changes
	}
	var t talent
	if err := shared.Decode(in, &t); err != nil {
		return err
	}
	if t.ID < 1 || t.Version < 1 || t.Version >= 1<<53 { // Lua's integers end there
		return shared.Permanent(errors.New("talentId or version is missing or out of range"))
	}
	key, tombstone := fmt.Sprintf(shared.TalentCache, t.ID), fmt.Sprintf(`{"version":%d}`, t.Version)
	if err := evictScript.Run(ctx, h.rdb, []string{key}, t.Version, tombstone).Err(); err != nil {
		return fmt.Errorf("evict talent %d: %w", t.ID, err)
	}
	return nil
}

// evictScript leaves a tombstone instead of nothing, because a reader that
// loaded the version before from SQL may be about to fill it in: it does not
// write below the version that is there. 60 s outlast any request. It is one
// script so that no such reader comes between the look and the writing. What
// is there and is not to be understood goes.
var evictScript = redis.NewScript(`
local ok, held = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '{}')
if ok and type(held) == 'table' and type(held.version) == 'number' then
  local version, filled = tonumber(ARGV[1]), held.body ~= nil and held.body ~= cjson.null
  if held.version > version or filled and held.version == version then return 0 end
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', 60)
return 1`)

// talent is the part of somssi.talent.*.v1 that this function reads.
type talent struct {
	ID      int64 `json:"talentId"`
	Version int64 `json:"version"`
}
