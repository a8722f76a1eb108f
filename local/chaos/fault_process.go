package chaos

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/google/uuid"

	"somssi/local/chaos/crash"
	"somssi/shared"
)

const ms100 = 100 * time.Millisecond

// killFunctions is F1: kill -9 of any function, from outside at any moment, and
// by crash points before and after what it does.
func killFunctions(ctx context.Context, e *episode, by chance) error {
	for n := range 8 {
		name := one(by, e.template.Names()...)
		if n%2 == 0 {
			e.note("killed %s", name)
			if err := e.kill(name); err != nil {
				return err
			}
			by.pause(ctx, 2*ms100, 6*ms100)
		} else if err := e.crash(ctx, by, func(function string) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// crash has a function die at one of its crash points, if it passes that within a second.
func (e *episode) crash(ctx context.Context, by chance, of func(function string) bool) error {
	var can []string
	for _, p := range e.house.points {
		if of(p.Function) {
			can = append(can, p.Name)
		}
	}
	e.crashing.Lock() // one point is armed at a time
	defer e.crashing.Unlock()
	point := one(by, can...)
	if err := crash.Arm(e.house.crashAt(), point, 1+by.IntN(5)); err != nil {
		return err
	}
	by.pause(ctx, 5*ms100, 10*ms100)
	died, err := crash.Disarm(e.house.crashAt())
	if died {
		e.note("died %s", point)
	}
	return err
}

// killHouse is F2: all sources die with what they had in flight and not committed.
func killHouse(ctx context.Context, e *episode, by chance) error {
	for range 1 + by.IntN(2) {
		by.pause(ctx, ms100, 10*ms100)
		e.house.kill()
		down := by.pause(ctx, ms100, 10*ms100)
		if err := e.house.start(ctx); err != nil {
			return err
		}
		e.note("killed the house, started again after %s", down)
	}
	return nil
}

// killAPI is F3: clients repeat their requests with the same key.
func killAPI(ctx context.Context, e *episode, by chance) error {
	for range 6 {
		if err := e.crash(ctx, by, func(function string) bool { return function == "register-talent" }); err != nil {
			return err
		}
	}
	return nil
}

// killRelay is F4: the outbox fills while Kafka is away, and the relay dies as
// it empties it. On PostgreSQL a row is written first and committed last, so
// that a relay that goes by ids would pass it by.
func killRelay(ctx context.Context, e *episode, by chance) error {
	var late chan error
	if e.o.Real {
		late = make(chan error, 1)
		after := by.between(3*time.Second, 4*time.Second)
		go func() { late <- e.commitLate(ctx, after) }()
	}
	e.links.cut(toKafka)
	away := by.pause(ctx, 10*ms100, 20*ms100)
	if err := e.links.mend(toKafka); err != nil {
		return err
	}
	for range 4 {
		if err := e.crash(ctx, by, func(function string) bool { return function == "relay-outbox" }); err != nil {
			return err
		}
	}
	if err := e.kill("relay-outbox"); err != nil {
		return err
	}
	e.note("killed relay-outbox after %s without Kafka", away)
	if late != nil {
		e.note("a transaction that committed late")
		return <-late
	}
	return nil
}

// commitLate registers a talent as a slow writer does.
func (e *episode) commitLate(ctx context.Context, after time.Duration) error {
	at := time.Now()
	t := &talent{id: 6_000_000 + int64(e.played), category: e.crowd.category(0), title: "late"}
	event := fmt.Sprintf(`{"specversion":"1.0","id":"%[1]s","source":"/somssi/register-talent","type":"somssi.talent.registered.v1","subject":"talent/%[2]d",`+
		`"time":"%[3]s","datacontenttype":"application/json","partitionkey":"%[2]d","data":{"talentId":%[2]d,"version":1,"sellerId":0,"category":"%[4]s","title":"late","priceKrw":1,"tags":[],"at":"%[3]s"}}`,
		uuid.Must(uuid.NewV7()), t.id, at.UTC().Format(time.RFC3339Nano), t.category)
	err := shared.InTx(ctx, e.db, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
			VALUES ($1, 1, 0, $2, 'late', 1, '[]', 'open', $3, $3)`, t.id, t.category, at.UnixMilli()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ($1, $2, $3, $4, 0)`,
			uuid.Must(uuid.NewV7()).String(), topic, strconv.FormatInt(t.id, 10), event); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(after):
		}
		return nil
	})
	committed := err == nil
	if err != nil { // of a server that another fault killed: it alone knows
		err = tried(ctx, 30*time.Second, "look for the late commit", func() error {
			return e.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM talents WHERE talent_id = $1)`, t.id).Scan(&committed)
		})
	}
	if committed {
		e.crowd.add(t)
	}
	return err
}

// freeze is F24: functions stop and go on as if nothing had been; and the house
// for longer than its groups wait, while another member takes its place.
func freeze(ctx context.Context, e *episode, by chance) error {
	for range 3 {
		name := one(by, e.template.Names()...)
		pid, err := e.house.pid(name)
		if err != nil {
			return err
		}
		if pid == 0 {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended meanwhile
		still := by.pause(ctx, 5*ms100, 20*ms100)
		_ = syscall.Kill(pid, syscall.SIGCONT)
		e.note("froze %s for %s", name, still)
	}
	if by.IntN(3) > 0 {
		return nil
	}
	others, err := e.joinAll(ctx)
	if err != nil {
		return err
	}
	pid := e.house.os.Pid
	_ = syscall.Kill(pid, syscall.SIGSTOP)
	still := by.pause(ctx, 11*time.Second, 13*time.Second) // a group waits for 10 s
	_ = syscall.Kill(pid, syscall.SIGCONT)
	e.note("froze the house for %s", still)
	e.excuse("I5", "another member delivered for it")
	return others.leave(ctx)
}

// changeVersions is F28: a new version of three functions, whose events have a
// field more, and back, while events of a type that is not known come, too.
func changeVersions(ctx context.Context, e *episode, by chance) error {
	if err := e.house.again(ctx, "--watch"); err != nil {
		return err
	}
	price := "	PriceKRW     int64  `json:\"priceKrw\"`\n"
	versions := []struct {
		name, old, new string
		revision       int
	}{{"new", price, price + "	Level int `json:\"level\" db:\"-\"`\n", 2}, {"old", price + "	Level int `json:\"level\" db:\"-\"`\n", price, 3}}
	functions := []string{"register-talent", "notify-interested", "update-stats"}
	for _, version := range versions {
		if err := edit(e.house.copy, "functions/register-talent/talent.go", [2]string{version.old, version.new}); err != nil {
			return err
		}
		for _, name := range functions {
			text := fmt.Appendf(nil, "package main\n\nfunc init() { println(%q) }\n", version.name+" version")
			if err := os.WriteFile(filepath.Join(e.house.copy, "functions", name, "version.go"), text, 0o600); err != nil {
				return err
			}
		}
		if err := e.writeUnknown(ctx, by); err != nil {
			return err
		}
		for _, name := range functions {
			want := fmt.Sprintf("%s-%05d", name, version.revision)
			if err := tried(ctx, 3*time.Minute, name+" has no new revision", func() error {
				all, err := e.house.functions()
				if err == nil && all[name].Revision != want {
					err = fmt.Errorf("it is at %s, not at %s", all[name].Revision, want)
				}
				return err
			}); err != nil {
				return err
			}
		}
		e.note("the %s version", version.name)
	}
	return e.house.again(ctx)
}

// scaleToZero is F29: idle functions are stopped and started by what comes next.
func scaleToZero(ctx context.Context, e *episode, by chance) error {
	if err := e.house.again(ctx, "--scale-to-zero", "--idle", "300ms"); err != nil {
		return err
	}
	e.note("idle functions stopped after 300ms")
	for range 10 { // and TERM comes in between, too
		name := one(by, e.template.Names()...)
		if pid, err := e.house.pid(name); err == nil && pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGTERM)
		}
		by.pause(ctx, 2*ms100, 6*ms100)
	}
	return e.house.again(ctx)
}
