package corpus

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"somssi/shared/eventtest/seeds"
)

// stress is much of something.
type stress struct {
	Door    string
	Body    seeds.Text
	Headers [][2]seeds.Text
	Query   seeds.Text
	Chunked bool
	Times   int
}

// memory is what a process holds, in bytes, or 0 where this machine does not tell.
func memory(pid int) (held int64) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	_, _ = fmt.Sscan(string(text), &size, &resident)
	return resident * int64(os.Getpagesize())
}

var stressed = map[string]string{"event": "update-stats", "structured": "update-stats", "api": "register-talent", "dead letter": "keep-dead-letters", "page": "serve-web",
	"api get": "read-inbox", "slow heads": "update-stats", "slow bodies": "update-stats", "aborts": "update-stats", "idle": "update-stats", "pipeline": "update-stats",
	"streams": "stream-inbox", "same dead letter": "keep-dead-letters"}

// stress holds a function to its bounds: it answers within a second, takes at most
// 64 MiB more than before, and serves others meanwhile.
func (h *house) stress(t *testing.T, r row) {
	function := stressed[r.Stress.Door]
	was := h.calm(t)
	h.tally["stress"]++
	pid := h.Functions()[function].PID
	held := memory(pid)
	if r.Stress.Times > 0 {
		h.crowd(t, r, function)
	} else {
		a := exchange(t, h.address(function), r.Stress.request(h), "", "", 10*time.Second)
		if !slices.Contains(r.Status, a.status) {
			t.Errorf("answered %d %.300s, want %v", a.status, a.body, r.Status)
		}
		if a.more || a.took > time.Second && h.late(t) {
			t.Errorf("took %s, and more: %t", a.took, a.more)
		}
		if a.status >= 400 && len(a.body) > 2048 {
			t.Errorf("an answer of %d bytes", len(a.body))
		}
		if a.status == 204 {
			h.dirty = true
		}
	}
	if now := memory(pid); now > held+64<<20 {
		t.Errorf("%s holds %d MiB, and held %d", function, now>>20, held>>20)
	}
	if !h.dirty {
		h.nothingWritten(t, was, 0, "talent:") // which also is, for a while, that there is none
	}
	h.lines(t, function)
	h.good(t, function)
}

func (s *stress) request(h *house) string {
	first := map[string]string{"api": "POST /talents", "page": "GET /", "api get": "GET /inbox?cursor=" + string(s.Query)}[s.Door]
	if first == "" {
		first = "POST /"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", first)
	switch s.Door {
	case "event", "dead letter":
		b.WriteString(h.eventLines())
	case "structured":
		b.WriteString("Content-Type: application/cloudevents+json\r\n")
	case "api", "api get":
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n", h.token)
	}
	for _, header := range s.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], header[1])
	}
	body := string(s.Body)
	if s.Door == "structured" {
		body = structuredWords.Replace(body)
	}
	if s.Chunked {
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
		return b.String()
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

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
