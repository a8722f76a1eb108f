package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/local/runner"
	"somssi/shared"
	"somssi/shared/eventtest"
)

// Of 1,000 streams 100 are never read. The others are told all, those are closed
// when a frame could not be written for 10 s, and both take little memory.
func TestStreams_that_are_never_read_are_closed_and_hold_up_nobody(t *testing.T) {
	const users, perUser, stuck, frames = 200, 5, 100, 500
	crowded := strings.Repeat("crowd-", 10)
	h := house(t)
	seller := newcomer(t, h)
	f := h.Functions()["stream-inbox"]
	follows := shared.InTx(t.Context(), sqlOf(t, h), func(tx *sql.Tx) error {
		for n := range users {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO interests (user_id, category, since_ms) VALUES ($1, $2, 0)`, 900_000+n, crowded); err != nil {
				return err
			}
		}
		return nil
	})
	if follows != nil {
		t.Fatal(follows)
	}
	before := peak(t, f.PID)
	var told, cut atomic.Int64
	for n := range users {
		var signedIn struct{ Token string }
		if err := harness.Ask(t.Context(), h.Run, http.MethodPost, "/dev/token", map[string]int{"user": 900_000 + n}, &signedIn); err != nil {
			t.Fatal(err)
		}
		for i := range perUser {
			never := n*perUser+i < stuck
			lines := openStream(t, f, signedIn.Token, never)
			if never {
				continue
			}
			go func() {
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), "event: notification") {
						told.Add(1)
					}
				}
				cut.Add(1)
			}()
		}
	}
	over := ended(t, f)
	id, err := seller.Register(t.Context(), client.Talent{Category: crowded, Title: strings.Repeat("😀", 120), PriceKrw: 1, Tags: []string{}}, uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, fmt.Sprint(users*perUser-stuck), func() string { return fmt.Sprint(told.Load()) })
	told.Store(0)
	rdb := redisOf(t, h)
	for n := range frames { // of changes, since each is told
		if err := rdb.Publish(t.Context(), fmt.Sprintf(shared.Hints, crowded), fmt.Sprintf("changed %d", id)).Err(); err != nil {
			t.Fatal(err)
		}
		if n%30 == 29 { // or one that reads could fall behind as well
			eventtest.Eventually(t, fmt.Sprint((n+1)*(users*perUser-stuck), " told, 0 closed"), func() string {
				return fmt.Sprint(told.Load(), " told, ", cut.Load(), " closed")
			})
		}
	}
	eventtest.Eventually(t, fmt.Sprint(stuck, " closed"), func() string { return fmt.Sprint(ended(t, f)-over, " closed") })
	if cut.Load() > 0 {
		t.Errorf("%d of those that read were closed", cut.Load())
	}
	if now := peak(t, f.PID); now > before+128 { // twice what is alive, as the collector lets it be
		t.Errorf("stream-inbox had %d MiB, and %d before", now, before)
	}
}

// openStream opens a stream of the function itself; where it is never read, buffers on both sides are small.
func openStream(t *testing.T, f runner.Function, token string, never bool) *bufio.Scanner {
	t.Helper()
	dialer := net.Dialer{}
	if never {
		dialer.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 2048)
				_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536) // which the sender's buffer is a multiple of
			})
		}
	}
	c, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(f.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "GET /inbox/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", token); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "retry:") {
			return lines
		}
	}
	t.Fatalf("a stream ended with %q before it began", lines.Text())
	return nil
}

// ended is how many requests a function has answered with 200, to the end.
func ended(t *testing.T, f runner.Function) (n int) {
	t.Helper()
	answer, err := http.Get(f.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, value, _ := strings.Cut(string(text), `somssi_request_seconds_count{code="200",function="stream-inbox"} `)
	_, _ = fmt.Sscan(value, &n) // 0 where there is none yet
	return n
}
