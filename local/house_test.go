package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/client"
	"somssi/local/demo"
	"somssi/local/harness"
	"somssi/local/parts"
	"somssi/local/runner"
	"somssi/shared"
	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

// The tests of this file run the functions' own binaries in one house, or in one
// of their own where they do it harm.

var common = &commonHouse{}

type commonHouse struct {
	once  sync.Once
	house *harness.Harness
	state string
	err   error
}

// onReal is whether houses are put up on real parts now.
var onReal bool

// asCommand lets this test program be the command that it tests.
const asCommand = "SOMSSI_LOCAL"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
	}
	code := m.Run()
	if err := common.stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func (c *commonHouse) stop() (err error) {
	if c.house != nil {
		err = c.house.Stop(context.Background())
	}
	return errors.Join(err, os.RemoveAll(c.state))
}

// stateOf is a folder for a house, which PostgreSQL's own user can enter.
func stateOf(t testing.TB) string {
	t.Helper()
	dir, err := newState()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newState() (string, error) {
	dir, err := os.MkdirTemp("", "house")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

func options(t testing.TB, state string) harness.Options {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return harness.Options{Root: root, State: state, Real: onReal, Parts: parts.Ports{}, Say: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "    "+format+"\n", args...)
	}}
}

// house is the common one.
func house(t *testing.T) *harness.Harness {
	t.Helper()
	common.once.Do(func() {
		if common.state, common.err = newState(); common.err == nil {
			common.house, common.err = harness.Start(context.Background(), options(t, common.state))
		}
	})
	if common.err != nil {
		t.Fatal(common.err)
	}
	return common.house
}

var lastUser = int64(1000)

// newcomer is a user nobody else is.
func newcomer(t *testing.T, h *harness.Harness) *client.User {
	t.Helper()
	lastUser++
	u, err := client.SignIn(t.Context(), http.DefaultTransport, h.Run.URL, lastUser)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func follow(t *testing.T, u *client.User, category string) {
	t.Helper()
	if err := u.Follow(t.Context(), category); err != nil {
		t.Fatal(err)
	}
}

func inbox(t *testing.T, u *client.User) string {
	t.Helper()
	items, badge, err := u.Inbox(t.Context())
	if err != nil {
		return err.Error()
	}
	var out []string
	for _, i := range items {
		out = append(out, fmt.Sprintf("%d %s/%s", i.TalentID, i.Category, i.Title))
	}
	return fmt.Sprintf("%s badge %d", strings.Join(out, ", "), badge)
}

func counted(t *testing.T, u *client.User, category string) int {
	t.Helper()
	var stats struct{ ByCategory map[string]int }
	if _, err := u.Do(t.Context(), http.MethodGet, "/stats", nil, &stats, nil); err != nil {
		t.Log(err)
	}
	return stats.ByCategory[category]
}

func write(t *testing.T, h *harness.Harness, messages ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, text := range messages {
		records = append(records, record("new_talent_events", []byte(text)))
	}
	produce(t, h, records...)
}

func produce(t *testing.T, h *harness.Harness, records ...*kgo.Record) {
	t.Helper()
	kafka, err := kgo.NewClient(kgo.SeedBrokers(h.Run.Env["KAFKA_BROKERS"]))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if err := kafka.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestHouse_tells_of_the_plain_message_of_another_producer(t *testing.T) {
	h := house(t)
	u := newcomer(t, h)
	follow(t, u, "plain-music")
	line := `{"type":"new_talent","talent_id":9001,"title":"기타 레슨","category":"plain-music"}`
	var copies []string
	for range 10 {
		copies = append(copies, line, strings.Replace(line, "9001", `"9001"`, 1))
	}
	write(t, h, append([]string{line}, copies...)...)
	want := "9001 plain-music/기타 레슨 badge 1"
	eventtest.Eventually(t, want, func() string { return inbox(t, u) })

	write(t, h, strings.Replace(line, "9001", "9002", 1)) // when it is there, so are all copies: each partition is read in order
	want = "9002 plain-music/기타 레슨, " + strings.Replace(want, "1 badge 1", "1 badge 2", 1)
	want = strings.Replace(want, "레슨 badge 1", "레슨 badge 2", 1)
	eventtest.Eventually(t, want, func() string { return inbox(t, u) })
	eventtest.Eventually(t, "2", func() string { return strconv.Itoa(counted(t, u, "plain-music")) })

	rdb := redisOf(t, h)
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if got := inbox(t, u); got != " badge 0" {
		t.Errorf("inbox %q of an empty Redis", got)
	}
	for _, name := range []string{"notify-interested", "update-stats"} {
		if err := harness.Rebuild(t.Context(), filepath.Join(harness.Binaries(options(t, "").Root), name), environment(h)); err != nil {
			t.Fatal(err)
		}
	}
	if got := inbox(t, u); got != want {
		t.Errorf("inbox %q after rebuild, want %q", got, want)
	}
	if got := counted(t, u, "plain-music"); got != 2 {
		t.Errorf("%d counted after rebuild, want 2", got)
	}
}

func redisOf(t *testing.T, h *harness.Harness) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(h.Run.Env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	return rdb
}

func environment(h *harness.Harness) (env []string) {
	for name, value := range h.Run.Env {
		env = append(env, name+"="+value)
	}
	return env
}

func TestHouse_keeps_what_is_no_event_and_goes_on(t *testing.T) {
	h := house(t)
	u := newcomer(t, h)
	follow(t, u, "after-poison")
	db := sqlOf(t, h)
	dead := func() (n int, reason sql.NullString, err error) {
		err = db.QueryRowContext(t.Context(), `SELECT COUNT(*), MIN(reason) FROM dead_letter WHERE dest LIKE '%adopt-talent%'`).Scan(&n, &reason)
		return n, reason, err
	}
	before, _, err := dead() // other tests of this house leave some
	if err != nil {
		t.Fatal(err)
	}
	write(t, h, `{"type":"new_talent","talent_id":-1,"title":"x","category":"poison"}`, `{"type":"new_talent"`, "\xff\xfe", "")
	write(t, h, `{"type":"new_talent","talent_id":9100,"title":"x","category":"after-poison"}`)
	eventtest.Eventually(t, "9100 after-poison/x badge 1", func() string { return inbox(t, u) })
	eventtest.Eventually(t, "4 true", func() string {
		n, reason, err := dead()
		return fmt.Sprint(n-before, reason.String != "" && err == nil)
	})
}

// A function refuses such a record unread, and who keeps it must not do the same.
func TestHouse_keeps_a_record_with_more_headers_than_a_function_reads(t *testing.T) {
	h := house(t)
	large := &kgo.Record{Topic: "new_talent_events", Value: []byte(uuid.NewString())}
	for n := range 500 { // 1,000,000 bytes in all, about what Kafka takes
		large.Headers = append(large.Headers, kgo.RecordHeader{Key: fmt.Sprintf("h%d", n), Value: bytes.Repeat([]byte("x"), 1980)})
	}
	db := sqlOf(t, h)
	produce(t, h, large)
	eventtest.Eventually(t, "4 refused with 431, with all headers: true", func() string {
		var n int
		var code, attributes string
		err := db.QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(MIN(code), ''), COALESCE(MIN(attributes), '') FROM dead_letter WHERE data = $1`, large.Value).Scan(&n, &code, &attributes)
		return fmt.Sprintf("%d refused with %s, with all headers: %t", n, code, err == nil && strings.Count(attributes, "kafkaheaderh") == 500)
	})
}

func sqlOf(t *testing.T, h *harness.Harness) *sql.DB {
	t.Helper()
	db, err := connect.SQL(h.Run.Env["DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestHouse_shows_a_change_and_takes_back_what_is_closed(t *testing.T) {
	h := house(t)
	seller, u := newcomer(t, h), newcomer(t, h)
	follow(t, u, "changing")
	follow(t, seller, "changing")
	id, err := seller.Register(t.Context(), client.Talent{Category: "changing", Title: "before", PriceKrw: 1}, uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/talents/%d", id)
	eventtest.Eventually(t, fmt.Sprintf("%d changing/before badge 1", id), func() string { return inbox(t, u) })
	if got := inbox(t, seller); got != " badge 0" {
		t.Errorf("the author's inbox is %q", got)
	}
	read := func() string {
		var talent struct{ Title, State string }
		if _, err := u.Do(t.Context(), http.MethodGet, path, nil, &talent, nil); err != nil {
			return err.Error()
		}
		return talent.Title + " " + talent.State
	}
	eventtest.Eventually(t, "before open", read) // now in the cache
	if status, err := u.Do(t.Context(), http.MethodPatch, path, map[string]string{"title": "stolen"}, nil, nil); status != http.StatusForbidden {
		t.Errorf("another user's PATCH: %d (%v), want 403", status, err)
	}
	if _, err := seller.Do(t.Context(), http.MethodPatch, path, map[string]string{"title": "after"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, fmt.Sprintf("%d changing/after badge 1", id), func() string { return inbox(t, u) })
	eventtest.Eventually(t, "after open", read) // the cache was told
	if _, err := seller.Do(t.Context(), http.MethodDelete, path, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, " badge 0", func() string { return inbox(t, u) })
	eventtest.Eventually(t, "after closed", read)
}

// What nobody published is the relay's, however often that is killed, and
// whatever it had sent before.
func TestHouse_sweeps_the_outbox_through_kills_of_the_relay(t *testing.T) {
	h := house(t)
	u := newcomer(t, h)
	follow(t, u, "swept")
	db := sqlOf(t, h)
	const rows = 700
	began := time.Now()
	err := shared.InTx(t.Context(), db, func(tx *sql.Tx) error {
		for n := range rows {
			id := 700_000 + n
			at := began.Add(time.Duration(n) * time.Millisecond).UTC()
			event := fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/somssi/register-talent","type":"somssi.talent.registered.v1","subject":"talent/%d",`+
				`"time":"%s","datacontenttype":"application/json","partitionkey":"%d","data":{"talentId":%d,"version":1,"sellerId":1,"category":"swept","title":"t","priceKrw":1,"at":"%s"}}`,
				uuid.NewString(), id, at.Format(time.RFC3339Nano), id, id, at.Format(time.RFC3339Nano))
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ($1, 'new_talent_events', $2, $3, 0)`,
				uuid.NewString(), strconv.Itoa(id), event); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	killing, stop := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	killer.Go(func() {
		for n := 0; n < 5 && killing.Err() == nil; n++ {
			if pid := h.Functions()["relay-outbox"].PID; pid > 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			select {
			case <-killing.Done():
			case <-time.After(700 * time.Millisecond):
			}
		}
	})
	defer killer.Wait()
	defer stop()
	eventtest.Eventually(t, strconv.Itoa(rows), func() string { return strconv.Itoa(counted(t, u, "swept")) })
	eventtest.Eventually(t, "0", func() string {
		var left int
		if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM outbox`).Scan(&left); err != nil {
			return err.Error()
		}
		return strconv.Itoa(left)
	})
	eventtest.Eventually(t, fmt.Sprint(rows, " in the timeline (<nil>)"), func() string { // another reader's, at a pace of its own
		members, err := redisOf(t, h).ZCard(t.Context(), "tl:swept").Result()
		return fmt.Sprintf("%d in the timeline (%v)", members, err)
	})
}

// Every function is killed once while people register; nobody may miss anything
// or hear it twice.
func TestHouse_survives_the_kill_of_any_function(t *testing.T) {
	o := options(t, stateOf(t))
	report, err := demo.Run(t.Context(), o, demo.Plan{Talents: 200, Kill: []string{
		"register-talent", "notify-interested", "update-stats", "relay-outbox", "evict-cache", "keep-dead-letters",
		"adopt-talent", "set-interests", "read-inbox", "stream-inbox", "serve-web",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Wrong(); err != nil {
		var table bytes.Buffer
		report.Write(&table)
		t.Errorf("%v\n%s", err, &table)
	}
}

// The harness itself is killed while people register, and started again on what
// it kept: each 201 has its notification, once, and is counted, once.
func TestHouse_survives_its_own_kill(t *testing.T) {
	o := options(t, stateOf(t))
	binary := filepath.Join(t.TempDir(), "local")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	free, err := runner.FreePorts(4)
	if err != nil {
		t.Fatal(err)
	}
	ports := []string{strconv.Itoa(free[0]), strconv.Itoa(free[1]), strconv.Itoa(free[2]), strconv.Itoa(free[3])}
	up := func() *exec.Cmd {
		command := exec.Command(binary, "up", "-o", "json", "--state", o.State, fmt.Sprintf("--real=%t", onReal),
			"--port", ports[0], "--kafka-port", ports[1], "--redis-port", ports[2], "--sql-port", ports[3])
		command.Dir, command.Stderr = o.Root, os.Stderr
		out, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		var run harness.Run
		if err := json.NewDecoder(out).Decode(&run); err != nil { // written when all is up
			t.Fatal(err)
		}
		return command
	}
	running := up()
	base := "http://localhost:" + ports[0]
	seller, err := client.SignIn(t.Context(), http.DefaultTransport, base, 1)
	if err != nil {
		t.Fatal(err)
	}
	u, err := client.SignIn(t.Context(), http.DefaultTransport, base, 2)
	if err != nil {
		t.Fatal(err)
	}
	follow(t, u, "music")
	registered := make(chan int64, 200)
	var clients sync.WaitGroup
	for n := range 4 {
		clients.Go(func() {
			for i := range 50 {
				id, err := seller.Register(t.Context(), client.Talent{Category: "music", Title: "x", PriceKrw: 1}, fmt.Sprintf("key-%d-%04d", n, i))
				if err != nil {
					t.Error(err)
				}
				registered <- id
			}
		})
	}
	for range 60 {
		<-registered
	}
	if err := running.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = running.Wait()
	running = up()
	clients.Wait()
	eventtest.Eventually(t, "200 200 200", func() string {
		items, _, err := u.Inbox(t.Context())
		if err != nil {
			return err.Error()
		}
		distinct := map[int64]bool{}
		for _, i := range items {
			distinct[i.TalentID] = true
		}
		return fmt.Sprint(len(items), len(distinct), counted(t, u, "music"))
	})
	if err := running.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		t.Errorf("up after SIGTERM: %v, want exit code 0", err)
	}
}
