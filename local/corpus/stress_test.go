package corpus

import (
	"fmt"
	"os"
	"slices"
	"strings"
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
