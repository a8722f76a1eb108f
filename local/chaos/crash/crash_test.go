package crash

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"somssi/infra/schema"
	"somssi/local/overlay"
	"somssi/local/runner"
	"somssi/shared/connect"
)

func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// In a tree of its own, so that it tells every way in which an effect is written.
func TestPoints(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(file, text string) {
		t.Helper()
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("shared/shared.go", `package shared
type Outbox struct{}
func Open() *Outbox { return nil }
func (o *Outbox) Send() { o.kafka.Produce(ctx, row, func(err error) { done(err) }) }
func InTx() error { return tx.Commit() }
func Unused() { db.ExecContext(ctx, q) }
`)
	one := `package main
func handle() error {
	if _, err := db.ExecContext(ctx, statement); err != nil { return err }
	rows, err := db.QueryContext(ctx, "SELECT 1 FOR UPDATE")
	rows, err = db.QueryContext(ctx, "UPDATE a SET b = 1 RETURNING b")
	err = sqlscan.Get(ctx, tx, &v, "SELECT " + "1")
	err = sqlscan.Get(ctx, tx, &v, "DELETE FROM a RETURNING b")
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, k); return nil })
	_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { p.Get(ctx, k); p.Set(ctx, k); return nil })
	_, err = rdb.Pipelined(ctx, func(p redis.Pipeliner) error { return enter(ctx, p) })
	err = enterScript.Run(ctx, rdb).Err()
	h.rdb.Publish(ctx, "a")
	h.rdb.Get(ctx, "a")
	return shared.InTx()
}
`
	write("functions/add-one/handler.go", one)
	write("functions/add-one/handler_test.go", "package main\nfunc test() { db.ExecContext(ctx, q) }\n")
	write("functions/serve-two/handler.go", `package main
func serve(w http.ResponseWriter) {
	o := shared.Open()
	o.Send()
	w.Write(nil)
	w.WriteHeader(204)
	shared.WriteJSON(w, 200, nil)
}
`)
	want := strings.Fields(`
		add-one.handle:ExecContext#1 add-one.handle:QueryContext#1 add-one.handle:Get#1 add-one.handle:Pipelined#1 add-one.handle:Pipelined#2
		add-one.handle:Run#1 add-one.handle:Publish#1 add-one/shared.InTx:Commit#1
		serve-two.serve:Write#1 serve-two.serve:WriteHeader#1 serve-two.serve:WriteJSON#1 serve-two/shared.Send:Produce#1 serve-two/shared.Send:ack#1`)
	wantPoints := func() {
		t.Helper()
		points, err := Points(root)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i, p := range points {
			if when := []string{":before:", ":after:"}[i%2]; strings.Count(p.Name, when) != 1 || !strings.HasPrefix(p.Name, p.Function) {
				t.Errorf("%+v", p)
			} else if i%2 == 0 {
				got = append(got, strings.Replace(p.Name, when, ":", 1))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("points\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	wantPoints()
	write("functions/add-one/handler.go", strings.Replace(one, "\n", "\n\n// more\nfunc more() {}\n", 1))
	wantPoints()
}

// instrumented is an overlay of the tree with its points, to build with.
func instrumented(t *testing.T) (file string, points []Point) {
	t.Helper()
	o := overlay.New(root(t), t.TempDir())
	points, err := Instrument(root(t), o)
	if err != nil {
		t.Fatal(err)
	}
	file, err = o.Write()
	if err != nil {
		t.Fatal(err)
	}
	return file, points
}

func command(t *testing.T, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root(t)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Every function builds with its points, and has none where it is built as it is.
func TestFunctions(t *testing.T) {
	t.Parallel()
	const runtime = "somssi/local/chaos/crash/point\n"
	file, points := instrumented(t)
	command(t, "vet", "-overlay", file, "-copylocks", "./functions/...", "./shared")
	if got := command(t, "list", "-deps", "-overlay", file, "./functions/..."); !strings.Contains(got, runtime) {
		t.Error("what is instrumented does not have the points")
	}
	if got := command(t, "list", "-deps", "./functions/..."); strings.Contains(got, runtime) {
		t.Error("what is not instrumented has the points")
	}
	names := map[string]bool{}
	for _, p := range points {
		names[p.Name] = true
	}
	if len(names) != len(points) {
		t.Errorf("%d names for %d points", len(names), len(points))
	}
	for _, name := range []string{
		"register-talent.save:before:ExecContext#1", "register-talent/shared.InTx:after:Commit#1", "adopt-talent/shared.Publish:before:ack#1",
		"keep-dead-letters.keep:after:WriteHeader#1", "notify-interested.run:after:Run#1", "relay-outbox.claim:after:QueryContext#1",
		"relay-outbox.send:after:Produce#1", "update-stats/shared.receiver:before:WriteHeader#1", "stream-inbox.serve:after:Write#1",
	} {
		if !names[name] {
			t.Errorf("no point %s", name)
		}
	}
}

// house is one function that runs with points that can be armed.
type house struct {
	*testing.T
	binary, database, crashAt string
	process                   *exec.Cmd
	url                       string
}

func (h *house) start() {
	h.Helper()
	ports, err := runner.FreePorts(2)
	if err != nil {
		h.Fatal(err)
	}
	h.process = exec.CommandContext(h.Context(), h.binary)
	h.process.Env = []string{
		"K_SERVICE=keep-dead-letters", "DATABASE_URL=" + h.database, "CRASH_AT=" + h.crashAt,
		fmt.Sprintf("PORT=%d", ports[0]), fmt.Sprintf("METRICS_PORT=%d", ports[1]),
	}
	h.url = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	if err := h.process.Start(); err != nil {
		h.Fatal(err)
	}
	end := time.Now().Add(time.Minute)
	for range time.Tick(5 * time.Millisecond) {
		answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/readyz", ports[1]))
		if err == nil {
			_ = answer.Body.Close()
			return
		}
		if time.Now().After(end) {
			h.Fatalf("not ready: %v", err)
		}
	}
}

// send sends a dead letter and returns its status, 0 where there is no answer.
func (h *house) send(id string) int {
	h.Helper()
	request, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.url, strings.NewReader("{}"))
	if err != nil {
		h.Fatal(err)
	}
	request.Header.Set("Ce-Id", id)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// wantDeath waits for the end of the process, by SIGKILL.
func (h *house) wantDeath() {
	h.Helper()
	late := time.AfterFunc(10*time.Second, func() { _ = h.process.Process.Signal(syscall.SIGQUIT) })
	defer late.Stop()
	_ = h.process.Wait()
	if got := h.process.ProcessState.Sys().(syscall.WaitStatus); got.Signal() != syscall.SIGKILL || h.Context().Err() != nil {
		h.Fatalf("ended by %v, want SIGKILL", h.process.ProcessState)
	}
	if died, err := Disarm(h.crashAt); !died || err != nil {
		h.Errorf("it is still armed (%v)", err)
	}
}

func (h *house) arm(point string, n int) {
	h.Helper()
	if err := Arm(h.crashAt, point, n); err != nil {
		h.Fatal(err)
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	h := &house{T: t, binary: filepath.Join(dir, "function"), database: "sqlite://" + filepath.Join(dir, "test.db"), crashAt: filepath.Join(dir, "crash-at")}
	file, _ := instrumented(t)
	command(t, "build", "-overlay", file, "-ldflags=-w", "-o", h.binary, "./functions/keep-dead-letters")
	db, err := connect.SQL(h.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := schema.Migrate(t.Context(), db, h.database); err != nil {
		t.Fatal(err)
	}
	wantKept := func(want string) {
		t.Helper()
		if got := kept(t.Context(), db); got != want {
			t.Errorf("kept %q, want %q", got, want)
		}
	}
	h.start()

	h.arm("keep-dead-letters.keep:before:ExecContext#1", 2)
	if first, second := h.send("a"), h.send("b"); first != 204 || second != 0 {
		t.Errorf("before the 2nd write: answers %d and %d", first, second)
	}
	h.wantDeath()
	wantKept("a")
	h.start()
	if got := h.send("b"); got != 204 {
		t.Errorf("the next process answers %d", got)
	}

	h.arm("another.keep:after:ExecContext#1", 1)
	h.arm("keep-dead-letters.keep:after:ExecContext#1", 1)
	if got := h.send("c"); got != 0 {
		t.Errorf("after a write: answers %d", got)
	}
	h.wantDeath()
	wantKept("a b c")
	h.start()

	h.arm("update-stats/shared.WriteJSON:before:WriteHeader#1", 1)
	if got := h.send("d"); got != 204 {
		t.Errorf("where another function is to die: answers %d", got)
	}
	h.arm("keep-dead-letters.keep:after:WriteHeader#1", 2)
	_ = h.send("d")
	if died, err := Disarm(h.crashAt); died || err != nil {
		t.Errorf("disarmed too late: %v, %v", died, err)
	}
	h.arm("keep-dead-letters.keep:after:WriteHeader#1", 2)
	if first, second := h.send("d"), h.send("d"); first != 204 || second != 204 { // the second one is sent, and its sender may see it
		t.Errorf("after an answer: answers %d and %d", first, second)
	}
	h.wantDeath()
}

func kept(ctx context.Context, db *sql.DB) string {
	var ids sql.NullString
	err := db.QueryRowContext(ctx, `SELECT group_concat(event_id, ' ') FROM (SELECT event_id FROM dead_letter ORDER BY event_id)`).Scan(&ids)
	if err != nil {
		return err.Error()
	}
	return ids.String
}
