package render

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"somssi/local/parts/secured"
	"somssi/shared"
)

// redisMatrix is what each function may do in Redis: keys, channels, commands.
// Whoever adds to it says that the function needs it.
var redisMatrix = map[string][3]string{
	"evict-cache":       {"talent:*", "", "eval evalsha get set"},
	"notify-interested": {"tl:* {tl:*}:gone", "cat:*", "eval evalsha publish scan script|load zadd zrange zrem zremrangebyrank zremrangebyscore zscore"},
	"read-inbox":        {"tl:*", "{b*}:ev", "publish zrevrangebyscore"},
	"reconcile-views":   {"reconciled reconciled:*:* talent:* tl:* {s*}:counted:* {tl:*}:gone", "", "exists get hget hset set sismember zrem zscore"},
	"register-talent":   {"talent:*", "", "eval evalsha get set"},
	"serve-web":         {"{s*}:m:* {s*}:total", "", "hgetall hmget"},
	"set-interests":     {"", "{b*}:ev", "publish"},
	"stream-inbox":      {"tl:*", "cat:* {b*}:ev", "psubscribe zrevrangebyscore"},
	"update-stats":      {"{s*}:*", "", "del eval evalsha exists expire hincrby hset persist rename sadd sismember smembers"},
}

// what is asked of each user: a command and its arguments, in which K is a key and C a channel.
var asked = []string{
	"get K", "set K 1", "del K", "exists K", "expire K 1", "persist K", "rename K K", "hget K a", "hset K a 1", "hmget K a", "hgetall K", "hincrby K a 1",
	"sadd K 1", "sismember K 1", "smembers K", "zadd K 1 a", "zrem K a", "zscore K a", "zrange K 0 -1", "zrevrangebyscore K 1 0", "zremrangebyrank K 0 -1",
	"zremrangebyscore K 0 1", "publish C a", "psubscribe C", "subscribe C", "eval x 1 K", "evalsha x 1 K", "script|load x", "scan 0",
	// What no function may, whatever it is for.
	"keys *", "flushall", "flushdb", "config|get *", "config|set a b", "acl|list", "acl|setuser a", "client|list", "client|kill a", "client|pause 1", "debug|sleep 0", "shutdown",
	"script|flush", "function|list", "monitor", "replicaof a 1", "save", "bgrewriteaof", "swapdb 0 1", "migrate a 1 K 0 1", "restore K 0 a", "dump K", "sort K", "move K 1",
	"randomkey", "info", "slowlog|get", "latency|reset", "module|list", "cluster|info", "memory|stats", "object|freq K", "unlink K", "append K a", "copy K K", "lpush K a", "xadd K * a b",
}

var (
	redisKeys     = []string{"tl:music", "{tl:music}:gone", "talent:7", "{s03}:counted:2026-01-02T15", "{s03}:total", "{s03}:m:2026-01-02", "{s03}:hours", "reconciled", "reconciled:7:1", "other", "session:7"}
	redisChannels = []string{"cat:music", "{b0007}:ev", "other"}
)

// A Redis that was given the file twice holds the users to the matrix, cell by cell.
func TestRedisUsers(t *testing.T) {
	text := ours(t, "prod")["redis/users.acl"]
	port := secured.Redis(t, nil, "localhost", secured.Folder(t), "user operator on nopass ~* &* +@all")
	rdb := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("localhost:%d", port), Username: "operator", Password: "any"})
	t.Cleanup(func() { _ = rdb.Close() })
	do := func(words ...string) string {
		line := make([]any, len(words))
		for i := range words {
			line[i] = words[i]
		}
		answer, err := rdb.Do(t.Context(), line...).Text()
		if err != nil && err.Error() != "" {
			return err.Error()
		}
		return answer
	}
	var users []string
	for range 2 {
		users = nil
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "user" {
				continue
			}
			users = append(users, words[1])
			if got := do(append([]string{"ACL", "SETUSER"}, words[1:]...)...); got != "OK" {
				t.Fatalf("%s: %s", words[1], got)
			}
		}
	}
	if want := append(slices.Sorted(maps.Keys(redisMatrix)), "default"); !slices.Equal(users, want) {
		t.Errorf("users %v, want %v", users, want)
	}
	if !matches(pattern(formats["UserHints"]), shared.UserHints(7)) {
		t.Errorf("%s is no channel of %s", shared.UserHints(7), formats["UserHints"])
	}
	cells := 0
	for name, may := range redisMatrix {
		for _, ask := range asked {
			command := strings.Fields(ask)[0]
			for _, on := range slices.Concat(only(ask, "K", redisKeys), only(ask, "C", redisChannels), only(ask, "", []string{""})) {
				want := slices.Contains(strings.Fields(may[2]), command) &&
					(!strings.Contains(ask, "K") || matches(may[0], on)) && (!strings.Contains(ask, "C") || matches(may[1], on))
				if command == "psubscribe" { // a pattern must be there as it is
					on = strings.NewReplacer("music", "*", "0007", "*").Replace(on)
				}
				words := strings.Fields(strings.ReplaceAll(strings.NewReplacer(" K", " "+on, " C", " "+on).Replace(ask), "|", " "))
				if got := do(append([]string{"ACL", "DRYRUN", name}, words...)...); (got == "OK") != want || !want && !strings.Contains(got, "has no permissions") {
					t.Errorf("%s, %s: %s, want %t", name, strings.Join(words, " "), got, want)
				}
				cells++
			}
		}
	}
	if cells < len(redisMatrix)*300 {
		t.Errorf("%d cells", cells)
	}
}

// only is all where ask has a place for them.
func only(ask, place string, all []string) []string {
	if place == "" && !strings.ContainsAny(ask, "KC") || place != "" && strings.Contains(ask, place) {
		return all
	}
	return nil
}

func matches(patterns, name string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}
