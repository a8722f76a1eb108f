package corpus

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd is many connections at once.
func (h *house) crowd(t *testing.T, r row, function string) {
	t.Helper()
	address, s := h.address(function), r.Stress
	head := "POST / HTTP/1.1\r\nHost: localhost\r\n" + plainEvent
	switch s.Door {
	case "pipeline":
		text := strings.Repeat(head+"Content-Length: 0\r\n\r\n", s.Times-1) + head + "Content-Length: 0\r\nConnection: close\r\n\r\n"
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		go func() { _, _ = c.Write([]byte(text)) }()
		if n := answers(c); n != s.Times {
			t.Errorf("%d answers, want %d", n, s.Times)
		}
		return
	case "streams":
		var open []net.Conn
		for range s.Times {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			fmt.Fprintf(c, "GET /inbox/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n\r\n", h.forge(t, forged{Claims: map[string]any{"sub": "77"}}))
			first := make([]byte, 12)
			_, _ = c.Read(first)
			if got := string(first[9:]); (got == "429") != (len(open) == 5) {
				t.Errorf("stream %d is answered %s", len(open)+1, got)
			}
			open = append(open, c)
		}
		return
	}
	text := map[string]string{"slow heads": "POST / HTTP/1.1\r\nX: ", "slow bodies": head + "Content-Length: 10\r\n\r\n", "aborts": head + "Content-Length: 10\r\n\r\n", "same dead letter": head + "Content-Length: 0\r\nConnection: close\r\n\r\n"}[s.Door]
	var all sync.WaitGroup
	places := make(chan struct{}, 500)
	if s.Door == "same dead letter" {
		places = make(chan struct{}, 10)
	}
	for range s.Times {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = c.Write([]byte(text))
			if s.Door == "aborts" {
				_ = c.(*net.TCPConn).SetLinger(0) // with a reset
				return
			}
			wait := 3 * time.Second
			if s.Door == "slow bodies" || s.Door == "idle" {
				wait = 500 * time.Millisecond
			}
			_ = c.SetDeadline(time.Now().Add(wait))
			answer := make([]byte, 12)
			if _, err := c.Read(answer); s.Door == "slow heads" && os.IsTimeout(err) {
				t.Error("a head that does not end keeps its connection")
			}
			if got := string(answer[9:]); s.Door == "same dead letter" && got != "204" {
				t.Errorf("answered %q", got)
			}
		})
	}
	if s.Door != "same dead letter" && s.Door != "aborts" {
		h.good(t, function) // while they are there
	}
	all.Wait()
}

// answers counts those that a connection brings until it ends.
func answers(c net.Conn) (n int) {
	part, kept := make([]byte, 32<<10), ""
	for {
		got, err := c.Read(part)
		kept += string(part[:got])
		if err != nil {
			return strings.Count(kept, "HTTP/1.1 204")
		}
	}
}
