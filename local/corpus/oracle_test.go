package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// before is how the house stood when a row was sent.
type before struct {
	tables string
	ends   int64
}

// calm makes the house still: what an accepted row set off is over, Redis is
// empty, logs are read.
func (h *house) calm(t *testing.T) before {
	t.Helper()
	if h.dirty {
		h.settled(t)
		// Or reconcile-views would tell, minutes later, of all that the emptied Redis lacks.
		if _, err := h.db.ExecContext(t.Context(), `UPDATE talents SET changed_ms = 9007199254740991`); err != nil {
			t.Fatal(err)
		}
		if err := h.rdb.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		h.dirty = false
	}
	return before{h.tables(t), h.ends(t)}
}

// tables is how many rows each table has that bad input could write to.
func (h *house) tables(t *testing.T) string {
	t.Helper()
	var n [6]int
	err := h.db.QueryRowContext(t.Context(), `SELECT (SELECT COUNT(*) FROM talents), (SELECT COUNT(*) FROM outbox), (SELECT COUNT(*) FROM interests),
		(SELECT COUNT(*) FROM idempotency), (SELECT COUNT(*) FROM seen), (SELECT COUNT(*) FROM marks)`).Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(n)
}

// nothingWritten is the oracle of what was refused. records is how many the test
// itself has sent since; allowed are the prefixes of keys that other functions,
// which may do their part, write.
func (h *house) nothingWritten(t *testing.T, was before, records int64, allowed ...string) {
	t.Helper()
	if now := h.tables(t); now != was.tables {
		t.Errorf("rows of talents, outbox, interests, idempotency, seen, marks: %s, were %s", now, was.tables)
	}
	if now := h.ends(t); now != was.ends+records {
		t.Errorf("%d records in Kafka, want %d", now, was.ends+records)
	}
	keys, err := h.rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		if key == "reconciled" {
			continue // how far reconcile-views got, which runs by the clock
		}
		h.dirty = true
		if !slices.ContainsFunc(allowed, func(prefix string) bool { return strings.HasPrefix(key, prefix) }) {
			t.Errorf("Redis holds %q", key)
		}
	}
}

// alive is that no function has died, which the runner would hide by a new one.
func (h *house) alive(t *testing.T) {
	t.Helper()
	for name, f := range h.Functions() {
		if f.PID != h.pids[name] {
			t.Errorf("%s was process %d and is %d now", name, h.pids[name], f.PID)
			h.pids[name] = f.PID
		}
	}
}

// lines reads what a function has logged since. Each line is one JSON object, of
// at most 8 KiB of text that no terminal acts upon.
func (h *house) lines(t *testing.T, function string) {
	t.Helper()
	file, err := os.Open(filepath.Join(h.state, "logs", function+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, _ = file.Seek(h.logs[function], io.SeekStart)
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // still being written
		}
		h.logs[function] += int64(len(line))
		h.read[function]++
		line = bytes.TrimSuffix(line, []byte("\n"))
		control := bytes.ContainsFunc(line, func(r rune) bool {
			return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r == 0x202e
		})
		if len(line) > 8<<10 || !utf8.Valid(line) || !json.Valid(line) || control {
			t.Errorf("%s logs %d bytes: %.300q", function, len(line), line)
		}
	}
}

// logged is that a function has left one line for each request that it got,
// whatever was in it.
func (h *house) logged(t *testing.T, function string) {
	t.Helper()
	limit, tick := time.After(5*time.Second), time.NewTicker(time.Millisecond) // lines take a way of their own
	defer tick.Stop()
	for late := false; !late && h.read[function] < h.owed[function]; h.lines(t, function) {
		select {
		case <-tick.C:
		case <-limit:
			late = true
		}
	}
	h.lines(t, function)
	if h.read[function] != h.owed[function] {
		t.Errorf("%s has logged %d lines of %d requests", function, h.read[function], h.owed[function])
		h.owed[function] = h.read[function]
	}
}

// good is that the next good request is answered within a second. What is late
// once is asked once more: a machine stalls, a function hangs.
func (h *house) good(t *testing.T, function string) {
	t.Helper()
	for try := range 2 {
		var a answer
		switch path := map[string]string{"gateway": "/inbox/badge", "register-talent": "/talents/x", "read-inbox": "/inbox/badge", "stream-inbox": "/inbox/none", "serve-web": "/favicon.svg"}[function]; {
		case path != "":
			a = exchange(t, h.address(function), "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "+h.token+"\r\nConnection: close\r\n\r\n", "", "", 10*time.Second)
		default:
			h.owed[function]++
			a = exchange(t, h.address(function), "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"+h.eventLines()+"\r\n", "", "", 10*time.Second)
		}
		h.slowest = max(h.slowest, a.took)
		switch {
		case a.status != 200 && a.status != 204 && (a.status != 404 || function != "register-talent" && function != "stream-inbox"):
			t.Errorf("the next good request to %s: %d %s", function, a.status, a.body)
			return
		case a.took <= time.Second:
			return
		case try == 1:
			t.Errorf("the next good request to %s took %s, twice", function, a.took)
		}
	}
}
