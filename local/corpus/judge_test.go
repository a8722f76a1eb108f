package corpus

import (
	"fmt"
	"strings"
	"testing"

	"somssi/local/harness"
)

// keys are the beginnings of what each reader writes to Redis.
var keys = map[string][]string{"evict-cache": {"talent:"}, "notify-interested": {"tl:", "{tl:"}, "update-stats": {"{s"}}

// judge holds what became of a record at all its readers to the oracle.
func (h *house) judge(t *testing.T, r row, door string, was before, dead int, fates map[string]harness.Delivery) {
	t.Helper()
	verdict, buried, told := "accepted", 0, ""
	for _, name := range readers {
		d := fates[name]
		told += fmt.Sprintf("\n%s: %s", name, d.Fate)
		for i, a := range d.Attempts {
			told += fmt.Sprintf(", %s %d %s", a.To, a.Status, a.Error)
			if unsendable := a.Status == 0 && strings.Contains(a.Error, "control character"); a.Status >= 500 || a.Status == 0 && !unsendable || i > 1 {
				t.Errorf("%s: attempt %d at %s: %d %s", name, i+1, a.To, a.Status, a.Error)
			}
		}
		switch {
		case d.Fate == "dead letter":
			buried++
			if verdict == "accepted" {
				verdict = "refused"
			}
		case d.Fate != "done":
			verdict = d.Fate
		}
	}
	if want := r.want(door); verdict != want {
		var reasons string
		_ = h.db.QueryRowContext(t.Context(), `SELECT GROUP_CONCAT(reason, '; ') FROM (SELECT reason FROM dead_letter ORDER BY kept_ms DESC LIMIT $1)`, buried).Scan(&reasons)
		t.Errorf("%s: %s, want %s%s\n%.500s", door, verdict, want, told, reasons)
	}
	h.buried(t, dead, buried)
	h.dirty = true
	if verdict == "accepted" {
		h.settled(t)
	} else {
		var allowed []string
		for _, name := range readers { // each reads its own part of the event
			if fates[name].Fate == "done" {
				allowed = append(allowed, keys[name]...)
			}
		}
		h.nothingWritten(t, was, 2, allowed...)
	}
	for _, name := range readers {
		h.logged(t, name)
	}
	h.logged(t, "keep-dead-letters")
}

// buried is that there are so many new dead letters, each with a reason where a
// function gave one.
func (h *house) buried(t *testing.T, before, want int) {
	t.Helper()
	var n, silent int
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*), COALESCE(SUM(CASE WHEN reason = '' AND code <> '' THEN 1 ELSE 0 END), 0) FROM dead_letter`).Scan(&n, &silent); err != nil {
		t.Fatal(err)
	}
	if n-before != want || silent > 0 {
		t.Errorf("%d dead letters more, want %d; %d of all have no reason", n-before, want, silent)
	}
}
