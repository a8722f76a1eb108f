package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"somssi/local/parts"
	"somssi/shared/eventtest"
)

// running names real parts, so that none is started.
func running(t *testing.T) {
	t.Helper()
	t.Setenv(parts.TestKafka, "kafka:1")
	t.Setenv(parts.TestRedis, "redis://redis:1")
	t.Setenv(parts.TestSQL, "postgres://sql:1/x")
}

func TestParts_runs_a_command_beside_them(t *testing.T) {
	running(t)
	code, out, said := local(t, "..", "parts", "--", "sh", "-c", `echo "$TEST_KAFKA_BROKERS $TEST_REDIS_URL $TEST_DATABASE_URL"; echo it failed >&2; exit 7`)
	if code != 7 || out != "kafka:1 redis://redis:1 postgres://sql:1/x\n" || said != "it failed\n" {
		t.Errorf("%d %q %q", code, out, said)
	}
	if code, _, said := local(t, ".", "parts", "--", "no-such-program"); code != failed || !strings.Contains(said, "no-such-program") {
		t.Errorf("%d %q", code, said)
	}
	if code, _, said := local(t, ".", "parts"); code != wrong || !strings.Contains(said, "parts -- <command>...") {
		t.Errorf("%d %q", code, said)
	}
}

// Without a program the tests of that part are skipped; in CI nothing runs.
func TestParts_where_one_is_missing(t *testing.T) {
	running(t)
	t.Setenv(parts.TestRedis, "")
	t.Setenv("PATH", "")
	t.Setenv("CI", "")
	code, out, said := local(t, "..", "parts", "--", "/bin/echo", "ran")
	if code != 0 || out != "ran\n" || !strings.Contains(said, "Redis does not run: ") || !strings.Contains(said, "TEST_REDIS_URL is not set: tests on it are SKIPPED") {
		t.Errorf("%d %q %q", code, out, said)
	}
	t.Setenv("CI", "true")
	if code, out, said := local(t, ".", "parts", "--", "/bin/echo", "ran"); code != failed || out != "" || !strings.Contains(said, "no test may be skipped") {
		t.Errorf("in CI: %d %q %q", code, out, said)
	}
}

// Ctrl-C ends the command with all that it started.
func TestParts_interrupted(t *testing.T) {
	running(t)
	file := filepath.Join(t.TempDir(), "pid")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"parts", "--", "sh", "-c", `(trap "" INT; sleep 600) & echo $! > ` + file + `.new; mv ` + file + `.new ` + file + `; wait`}, new(bytes.Buffer), new(bytes.Buffer))
	}()
	var text []byte
	eventtest.Eventually(t, "started", func() string {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return err.Error()
		}
		return "started"
	})
	interrupt()
	if code := <-ended; code != failed {
		t.Errorf("exit code %d, want %d", code, failed)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "gone", func() string {
		if state, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(state), ") Z ") {
			return "gone"
		}
		return "running"
	})
}
