package main

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/telemetry"
)

// enterScript is one script because looking whether a talent has left and
// entering it must not be parted: a closing in between would be undone. Only
// the first entry is hinted at, together with it, so that a second delivery
// is silent. It takes many talents, so that what is done to the whole timeline is done once.
var enterScript = redis.NewScript(`
for i = 3, #ARGV, 3 do
  local new = not redis.call('ZSCORE', KEYS[2], ARGV[i]) and redis.call('ZADD', KEYS[1], 'NX', ARGV[i+2], ARGV[i+1]) == 1
  if new and ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], 'registered ' .. ARGV[i] .. ARGV[2]) end
end
return redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -1001)`)

// leaveScript remembers who left, or a late delivery of the registration would
// bring him back. It forgets after 8 days, when the topic has forgotten too.
var leaveScript = redis.NewScript(`
local newest = 0
for i = 3, #ARGV, 3 do
  newest = math.max(newest, tonumber(ARGV[i+2]))
  redis.call('ZADD', KEYS[2], ARGV[i+2], ARGV[i])
  local was = redis.call('ZREM', KEYS[1], ARGV[i+1]) == 1
  if was and ARGV[1] ~= '' then redis.call('PUBLISH', ARGV[1], 'withdrawn ' .. ARGV[i] .. ARGV[2]) end
end
return redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. (newest - 691200000))`)

// enter and leave take talents of one category.
func enter(ctx context.Context, c redis.Scripter, hint bool, talents ...talent) error {
	return run(ctx, c, enterScript, hint, talents)
}

func leave(ctx context.Context, c redis.Scripter, hint bool, talents ...talent) error {
	return run(ctx, c, leaveScript, hint, talents)
}

func run(ctx context.Context, c redis.Scripter, script *redis.Script, hint bool, talents []talent) error {
	category, channel := talents[0].Category, ""
	if hint {
		channel = fmt.Sprintf(shared.Hints, category)
	}
	args := []any{channel, trace(ctx)}
	for _, t := range talents {
		args = append(args, t.ID, fmt.Sprintf(shared.Member, t.ID, t.Seller), t.At.UnixMilli())
	}
	keys := []string{fmt.Sprintf(shared.Timeline, category), fmt.Sprintf(shared.Withdrawn, category)}
	return script.Run(ctx, c, keys, args...).Err()
}

// trace is the last word of a hint, with a blank before it: the traceparent that it belongs to, none where there is none.
func trace(ctx context.Context) string {
	if parent := telemetry.Traceparent(ctx); parent != "" {
		return " " + parent
	}
	return ""
}
