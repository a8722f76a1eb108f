package chaos

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// stateFolder is one that PostgreSQL's own user can enter.
func stateFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// real tells whether this machine can run the real parts; in CI it has to.
func real(t *testing.T) bool {
	t.Helper()
	for _, program := range []string{"java", "mvn", "redis-server"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s is not installed", program)
			}
			t.Logf("%s is not installed: embedded parts", program)
			return false
		}
	}
	return true
}

// TestCampaign plays what once failed, and then thirty episodes, on real parts
// where there are. Every fault is among them.
func TestCampaign(t *testing.T) {
	o := Options{Root: repository(t), State: stateFolder(t), Seed: 0, Episodes: 30, Real: real(t), Kept: true, Say: t.Logf}
	if testing.Short() {
		o.Real, o.Episodes = false, 2
	}
	report, err := Run(t.Context(), o)
	var table strings.Builder
	report.Write(&table)
	t.Logf("\n%s", &table)
	if err != nil {
		t.Error(err)
	}
	if len(report.Episodes) < o.Episodes {
		t.Errorf("%d episodes, want %d", len(report.Episodes), o.Episodes)
	}
}

func TestChoose_refuses(t *testing.T) {
	for id, real := range map[string]bool{"F99": true, "": true, "F11": false} {
		if _, err := choose([]string{"F1", id}, real); !errors.Is(err, ErrUnknown) {
			t.Errorf("fault %q, real %v: %v", id, real, err)
		}
	}
	if all, err := choose(nil, false); err != nil || len(all) < 15 || len(all) >= len(faults) {
		t.Errorf("%d faults on embedded parts, %v", len(all), err)
	}
}

// TestKept keeps an episode and finds it again where its parts are.
func TestKept(t *testing.T) {
	root := t.TempDir()
	for _, p := range []play{{7, "F1"}, {8, "F11"}} {
		if err := keep(root, p, []Broken{{"I1", "a"}, {"I2", "b"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		real bool
		want int
	}{{false, 1}, {true, 2}} {
		got, err := kept(root, faults, c.real)
		if err != nil || len(got) != c.want || got[0] != (play{7, "F1"}) {
			t.Errorf("real %v: %v, %v", c.real, got, err)
		}
	}
	if err := os.WriteFile(filepath.Join(keptIn(root), "torn.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kept(root, faults, true); err == nil || !strings.Contains(err.Error(), "torn.json") {
		t.Errorf("a torn file: %v", err)
	}
}

// TestJudge breaks each promise by hand after an episode in which nothing failed,
// and wants the verdict to say so, and to have said nothing before.
func TestJudge(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a house")
	}
	ctx := t.Context()
	s, err := setUp(ctx, Options{Root: repository(t), State: stateFolder(t), Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer s.tearDown()
	e, err := s.begin(ctx, play{1, "F1"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.crowd.seen.Wait()
	defer e.crowd.leave()
	if err := e.crowd.work(ctx, s, e.by); err != nil {
		t.Fatal(err)
	}
	if _, err := e.settle(ctx); err != nil {
		t.Fatal(err)
	}
	verdict := func() []string {
		var out Episode
		if left := e.backlog(ctx); left != "" {
			out.broke("I7", "%s", left)
		}
		e.judge(ctx, &out)
		var ids []string
		for _, b := range out.Broken {
			t.Log(b)
			ids = append(ids, b.Invariant)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	if got := verdict(); len(got) > 0 {
		t.Fatalf("%v are broken where nothing failed", got)
	}
	user := e.crowd.people[0]
	var first *talent // of those that he was told of
	for _, first = range e.crowd.wanted(user.ID) {
		break
	}
	shown := func(more int) {
		e.crowd.mu.Lock()
		defer e.crowd.mu.Unlock()
		e.crowd.shown[user.ID][first.id] += more
	}
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := s.db.ExecContext(ctx, query, args...); err != nil {
			t.Error(err)
		}
	}
	for _, c := range []struct {
		what, broken string
		do, undo     func()
	}{
		{"a registration is gone", "I1", func() { exec(`UPDATE talents SET category = 'x' WHERE talent_id = $1`, first.id) }, func() { exec(`UPDATE talents SET category = $2 WHERE talent_id = $1`, first.id, first.category) }},
		{"a stream shows it again", "I2", func() { shown(2) }, func() { shown(-2) }},
		{"one is counted twice", "I3", func() {
			s.redis.HIncrBy(ctx, fmt.Sprintf(shared.StatsTotals, shared.StatsShard(first.id)), "category:"+first.category, 1)
		}, func() {
			s.redis.HIncrBy(ctx, fmt.Sprintf(shared.StatsTotals, shared.StatsShard(first.id)), "category:"+first.category, -1)
		}},
		{"an older version is read", "I4", func() { first.title += "!" }, func() { first.title = first.title[:len(first.title)-1] }},
		{"an event is a dead letter", "I5", func() {
			exec(`INSERT INTO dead_letter (key, kept_ms, dest, event_id, source, type, code, reason, attributes, data) VALUES ('k', $1, 'd', 'e', 's', 't', '', 'r', '{}', $2)`,
				time.Now().UnixMilli(), []byte(first.category))
		}, func() { exec(`DELETE FROM dead_letter WHERE key = 'k'`) }},
		{"poison was not kept", "I5", func() { e.poison = []string{"poison-" + e.crowd.name + "-1"} }, func() { e.poison = nil }},
		{"somebody is told of what is none of his", "I6", func() {
			s.redis.ZAdd(ctx, "tl:"+first.category, redis.Z{Score: float64(time.Now().UnixMilli()), Member: "77:78"})
			exec(`INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms) VALUES (77, 1, 78, $1, 'x', 0, '[]', 'open', 1, 1)`, first.category)
		}, func() {
			s.redis.ZRem(ctx, "tl:"+first.category, "77:78")
			exec(`DELETE FROM talents WHERE talent_id = 77`)
			e.crowd.mu.Lock()
			defer e.crowd.mu.Unlock()
			for _, shown := range e.crowd.shown {
				delete(shown, 77)
			}
		}},
		{"a row is left in the outbox", "I7", func() {
			exec(`INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ('x', 'new_talent_events', 'x', '{}', $1)`, time.Now().Add(time.Hour).UnixMilli())
		}, func() { exec(`DELETE FROM outbox WHERE id = 'x'`) }},
		{"goroutines pile up", "I8", func() { s.calm = map[string]footprint{"read-inbox": {goroutines: -1000}} }, func() { s.calm, _ = e.footprints(ctx) }},
		{"a commit before the end", "I9", func() {
			e.commits = append(e.commits, commit{e.began, s.groups()[0], 0, 1 << 20})
		}, func() { e.commits = nil }},
		{"a commit goes back", "I9", func() {
			e.commits = []commit{{time.Now(), s.groups()[0], 0, 5}, {time.Now(), s.groups()[0], 0, 4}}
		}, func() { e.commits = nil }},
		{"a request has another answer", "I10", func() {
			for _, t := range e.crowd.talents {
				t.id++
			}
		}, func() {
			for _, t := range e.crowd.talents {
				t.id--
			}
		}},
	} {
		c.do()
		if got := verdict(); !slices.Contains(got, c.broken) {
			t.Errorf("%s: %v are broken, want %s among them", c.what, got, c.broken)
		}
		c.undo()
	}
	if got := verdict(); len(got) > 0 {
		t.Errorf("%v are broken when all is as it was", got)
	}
}
