// Package point is what an instrumented function calls at its crash points. It is
// linked into builds for chaos only.
package point

import (
	"database/sql"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// file holds the point at which a process is to die, if it is there. It is read
// at each pass, so that a house that runs can be armed; by nobody where there is
// no CRASH_AT.
var (
	file   = os.Getenv("CRASH_AT")
	mu     sync.Mutex
	order  string // what the file held last
	passes int    // since then
)

// Pass is a crash point. Where it is armed as name:n, or <K_SERVICE>/name:n, the
// nth pass is the process's last act; the file is gone then, so that the next
// process lives.
func Pass(name string) { pass(name, func() {}) }

// Answered is Pass after something was written to w. It is sent before the
// process dies, which otherwise would be as if it had not been written.
func Answered(name string, w http.ResponseWriter) {
	pass(name, func() { _ = http.NewResponseController(w).Flush() })
}

func pass(name string, last func()) {
	if file == "" {
		return
	}
	mu.Lock()
	defer mu.Unlock()
	text, _ := os.ReadFile(file)
	if string(text) != order {
		order, passes = string(text), 0
	}
	armed, _, _ := strings.Cut(order, " ")
	at := strings.LastIndexByte(armed, ':')
	if at < 0 || strings.TrimPrefix(armed[:at], os.Getenv("K_SERVICE")+"/") != name {
		return
	}
	n, err := strconv.Atoi(armed[at+1:])
	if passes++; err != nil || passes < n || os.Remove(file) != nil { // another process was faster
		return
	}
	last()
	_, _ = os.Stderr.WriteString("crash point " + armed + "\n")
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// What stands around a call passes before in time, and after with what the call
// returns: point.Rows("before", "after")(db.QueryContext(…)). Go has the first
// call done before the second.

// After is the second half of Value.
type After string

// Before passes before.
func Before(before, after string) After {
	Pass(before)
	return After(after)
}

// Value is around a call that returns one value: point.Value(point.Before("before", "after"), tx.Commit()).
func Value[T any](after After, v T) T {
	Pass(string(after))
	return v
}

// Result is around ExecContext.
func Result(before, after string) func(sql.Result, error) (sql.Result, error) {
	return two[sql.Result](before, after)
}

// Rows is around QueryContext.
func Rows(before, after string) func(*sql.Rows, error) (*sql.Rows, error) {
	return two[*sql.Rows](before, after)
}

// Commands is around Pipelined.
func Commands(before, after string) func([]redis.Cmder, error) ([]redis.Cmder, error) {
	return two[[]redis.Cmder](before, after)
}

// Written is around w.Write.
func Written(before, after string, w http.ResponseWriter) func(int, error) (int, error) {
	Pass(before)
	return func(n int, err error) (int, error) {
		Answered(after, w)
		return n, err
	}
}

func two[T any](before, after string) func(T, error) (T, error) {
	Pass(before)
	return func(v T, err error) (T, error) {
		Pass(after)
		return v, err
	}
}
