package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/local/harness"
	"somssi/local/parts"
	"somssi/local/runner"
)

// restartKafka is F5.
func restartKafka(ctx context.Context, e *episode, by chance) error {
	e.kafkaBusy.Lock()
	defer e.kafkaBusy.Unlock()
	how := "killed"
	if e.o.Real && by.IntN(2) == 0 {
		how = "stopped"
		if err := e.parts.Signal(parts.Kafka, syscall.SIGTERM); err != nil {
			return err
		}
		by.pause(ctx, 10*ms100, 30*ms100)
	}
	if err := e.parts.Kill(parts.Kafka); err != nil { // what is left of it
		return err
	}
	away := by.pause(ctx, 3*ms100, 20*ms100)
	e.note("Kafka was %s, started again after %s", how, away)
	return e.parts.Again(ctx, parts.Kafka)
}

// cutKafka is F6.
func cutKafka(ctx context.Context, e *episode, by chance) error {
	how := one(by, "upstream", "downstream", "")
	if how == "" {
		e.links.cut(toKafka)
		away := by.pause(ctx, 20*ms100, 60*ms100)
		e.note("no way to Kafka for %s", away)
		return e.links.mend(toKafka)
	}
	if err := e.links.poison(toKafka, toxic{Type: "timeout", Stream: how, Attributes: map[string]any{"timeout": 0}}); err != nil {
		return err
	}
	away := by.pause(ctx, 20*ms100, 60*ms100)
	e.links.heal(ctx, toKafka)
	e.note("nothing went %s to Kafka for %s", how, away)
	return nil
}

// slowKafka is F7.
func slowKafka(ctx context.Context, e *episode, by chance) error {
	if e.o.Real && by.IntN(2) == 0 {
		e.kafkaBusy.Lock()
		defer e.kafkaBusy.Unlock()
		if err := e.parts.Signal(parts.Kafka, syscall.SIGSTOP); err != nil {
			return err
		}
		still := by.pause(ctx, 20*ms100, 60*ms100)
		e.note("Kafka was frozen for %s", still)
		return e.parts.Signal(parts.Kafka, syscall.SIGCONT)
	}
	return e.worsen(ctx, by, toKafka, one(by,
		toxic{Type: "latency", Stream: "downstream", Attributes: map[string]any{"latency": 200, "jitter": 200}},
		toxic{Type: "bandwidth", Stream: "downstream", Attributes: map[string]any{"rate": 50}}, // KB/s
	))
}

// killRedis is F10. An embedded one, which keeps nothing, is rebuilt.
func killRedis(ctx context.Context, e *episode, by chance) error {
	e.redisBusy.Lock()
	defer e.redisBusy.Unlock()
	for range 2 {
		if err := e.parts.Kill(parts.Redis); err != nil {
			return err
		}
		away := by.pause(ctx, ms100, 10*ms100)
		if err := e.parts.Again(ctx, parts.Redis); err != nil {
			return err
		}
		e.note("Redis was killed, started again after %s", away)
		by.pause(ctx, ms100, 10*ms100)
	}
	if e.o.Real {
		return nil
	}
	return e.rebuild(ctx)
}

// failOver is F11: a replica takes over that has not got the last writes. What
// it lacks is made again. Afterwards the first one is in service again.
func failOver(ctx context.Context, e *episode, by chance) error {
	e.redisBusy.Lock()
	defer e.redisBusy.Unlock()
	primary := e.redisAt
	replica, at, stop, err := e.startReplica(ctx, primary)
	if err != nil {
		return err
	}
	defer stop()
	if err := replica.ReplicaOf(ctx, "127.0.0.1", "1").Err(); err != nil { // from here on it gets nothing
		return err
	}
	lost := by.pause(ctx, ms100, 3*ms100)
	if err := e.parts.Kill(parts.Redis); err != nil {
		return err
	}
	if err := replica.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		return err
	}
	e.redisAt = at
	if err := e.links.lead(toRedis, at); err != nil {
		return err
	}
	e.note("Redis failed over to a replica that lacked the last %s", lost)
	if err := e.rebuild(ctx); err != nil {
		return err
	}
	by.pause(ctx, 5*ms100, 15*ms100)
	return e.failBack(ctx, primary, at)
}

// startReplica starts a second Redis that copies the one in service.
func (e *episode) startReplica(ctx context.Context, primary string) (client *redis.Client, address string, stop func(), err error) {
	free, err := runner.FreePorts(1)
	if err != nil {
		return nil, "", nil, err
	}
	_, port, _ := net.SplitHostPort(primary)
	command := exec.Command("redis-server", "--port", strconv.Itoa(free[0]), "--bind", "127.0.0.1", "--save", "", //nolint:noctx // stop ends it
		"--dir", filepath.Dir(e.house.state), "--dbfilename", "replica.rdb", "--replicaof", "127.0.0.1 "+port)
	wait, err := runner.StartWithParent(command, syscall.SIGKILL)
	if err != nil {
		return nil, "", nil, err
	}
	address = fmt.Sprintf("127.0.0.1:%d", free[0])
	client = redis.NewClient(&redis.Options{Addr: address})
	stop = func() { _ = client.Close(); _ = command.Process.Kill(); _ = wait() }
	return client, address, stop, tried(ctx, 30*time.Second, "the replica does not come up", func() error { return inStep(ctx, client) })
}

// inStep is nil where a replica has all that its primary has.
func inStep(ctx context.Context, replica *redis.Client) error {
	info, err := replica.InfoMap(ctx, "replication").Result()
	if err == nil && info["Replication"]["master_link_status"] != "up" {
		err = errors.New("its link to the primary is " + info["Replication"]["master_link_status"])
	}
	return err
}

// failBack has the first Redis copy the second, and puts it in service again.
func (e *episode) failBack(ctx context.Context, first, second string) error {
	if err := e.parts.Again(ctx, parts.Redis); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: first})
	defer func() { _ = client.Close() }()
	_, port, _ := net.SplitHostPort(second)
	if err := client.ReplicaOf(ctx, "127.0.0.1", port).Err(); err != nil {
		return err
	}
	if err := tried(ctx, 30*time.Second, "the first Redis does not get in step", func() error { return inStep(ctx, client) }); err != nil {
		return err
	}
	e.links.cut(toRedis) // nobody writes while the last bytes go over
	if err := tried(ctx, 30*time.Second, "the first Redis lags behind", func() error { return e.redis.Wait(ctx, 1, time.Second).Err() }); err != nil {
		return err
	}
	if err := client.ReplicaOf(ctx, "NO", "ONE").Err(); err != nil {
		return err
	}
	e.redisAt = first
	return errors.Join(e.links.lead(toRedis, first), e.rebuild(ctx))
}

// emptyRedis is F12: and the whole topic is delivered once more.
func emptyRedis(ctx context.Context, e *episode, by chance) error {
	e.redisBusy.Lock()
	defer e.redisBusy.Unlock()
	by.pause(ctx, 5*ms100, 20*ms100)
	if err := e.redis.FlushAll(ctx).Err(); err != nil {
		return err
	}
	by.pause(ctx, 0, 10*ms100)
	if err := e.rebuild(ctx); err != nil {
		return err
	}
	e.note("Redis was emptied and rebuilt")
	return e.replay(ctx, harness.ReplayRequest{From: "30s", All: true, Topic: topic})
}

// refuseWrites is F13.
func refuseWrites(ctx context.Context, e *episode, by chance) error {
	e.redisBusy.Lock()
	defer e.redisBusy.Unlock()
	refuse, accept := func() error { return e.redis.ConfigSet(ctx, "maxmemory", "1mb").Err() }, func() error { return e.redis.ConfigSet(ctx, "maxmemory", "0").Err() }
	how := "OOM"
	if by.IntN(2) == 0 {
		how = "READONLY"
		refuse, accept = func() error { return e.redis.ReplicaOf(ctx, "127.0.0.1", "1").Err() }, func() error { return e.redis.ReplicaOf(ctx, "NO", "ONE").Err() }
	}
	if err := refuse(); err != nil {
		return err
	}
	while := by.pause(ctx, 10*ms100, 40*ms100)
	e.note("Redis refused writes by %s for %s", how, while)
	return accept()
}

// loseRedisAnswers is F14: a command was executed and nobody heard so.
func loseRedisAnswers(ctx context.Context, e *episode, by chance) error {
	for range 4 {
		if err := e.links.poison(toRedis, toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]any{"bytes": by.IntN(200)}}); err != nil {
			return err
		}
		by.pause(ctx, 2*ms100, 6*ms100)
		e.links.heal(ctx, toRedis)
		by.pause(ctx, ms100, 5*ms100)
	}
	e.note("answers of Redis were lost in four spells")
	return nil
}

// killSQL is F15.
func killSQL(ctx context.Context, e *episode, by chance) error {
	if by.IntN(2) == 0 {
		if err := e.parts.Kill(parts.SQL); err != nil {
			return err
		}
		away := by.pause(ctx, 2*ms100, 15*ms100)
		e.note("PostgreSQL was killed, started again after %s", away)
		return e.parts.Again(ctx, parts.SQL)
	}
	ended := 0
	for until := time.Now().Add(by.between(20*ms100, 40*ms100)); time.Now().Before(until); {
		var n int
		err := e.db.QueryRowContext(ctx, `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state <> 'idle' AND (query ILIKE 'commit%' OR query ILIKE 'insert%')`).Scan(&n)
		if err != nil {
			return err
		}
		ended += n
	}
	e.note("%d connections ended as they wrote or committed", ended)
	return nil
}

// worsenLinks is F17.
func worsenLinks(ctx context.Context, e *episode, by chance) error {
	for range 2 {
		link := one(by, toKafka, toRedis, toFunctions)
		if e.o.Real && by.IntN(3) == 0 {
			link = toSQL
		}
		stream := one(by, "upstream", "downstream")
		if err := e.worsen(ctx, by, link, one(by,
			toxic{Type: "latency", Stream: stream, Attributes: map[string]any{"latency": 100, "jitter": 100}},
			toxic{Type: "reset_peer", Stream: stream, Attributes: map[string]any{"timeout": 50 + by.IntN(500)}, Toxicity: 0.5},
			toxic{Type: "slicer", Stream: stream, Attributes: map[string]any{"average_size": 8, "size_variation": 7, "delay": 10}},
			toxic{Type: "slow_close", Stream: stream, Attributes: map[string]any{"delay": 500}},
		)); err != nil {
			return err
		}
	}
	return nil
}

// worsen makes a link worse for a time.
func (e *episode) worsen(ctx context.Context, by chance, link string, t toxic) error {
	if err := e.links.poison(link, t); err != nil {
		return err
	}
	while := by.pause(ctx, 15*ms100, 40*ms100)
	e.links.heal(ctx, link)
	e.note("%s to %s for %s", t, link, while)
	return nil
}
