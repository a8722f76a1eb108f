package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// enterScript is one script because looking whether a talent has left and
// entering it must not be parted: a closing in between would be undone. Only
// the first entry is hinted at, together with it, so that a second delivery
// is silent.
var enterScript = redis.NewScript(`
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
local new = redis.call('ZADD', KEYS[1], 'NX', ARGV[3], ARGV[2])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1001)
if new == 1 and ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], 'registered ' .. ARGV[1]) end
return new`)

// leaveScript remembers who left, or a late delivery of the registration would
// bring him back. It forgets after 8 days, when the topic has forgotten too.
var leaveScript = redis.NewScript(`
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. (ARGV[3] - 691200000))
local was = redis.call('ZREM', KEYS[1], ARGV[2])
if was == 1 and ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[4], 'withdrawn ' .. ARGV[1]) end
return was`)

func enter(ctx context.Context, c redis.Scripter, t talent, hint bool) error {
	return run(ctx, c, enterScript, t, hint)
}

func leave(ctx context.Context, c redis.Scripter, t talent, hint bool) error {
	return run(ctx, c, leaveScript, t, hint)
}

func run(ctx context.Context, c redis.Scripter, script *redis.Script, t talent, hint bool) error {
	keys := []string{fmt.Sprintf(shared.Timeline, t.Category), fmt.Sprintf(shared.Withdrawn, t.Category)}
	channel := ""
	if hint {
		channel = fmt.Sprintf(shared.Hints, t.Category)
	}
	return script.Run(ctx, c, keys, t.ID, fmt.Sprintf(shared.Member, t.ID, t.Seller), t.At.UnixMilli(), channel).Err()
}
