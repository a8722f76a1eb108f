package corpus

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// plainEvent is good, and nobody does anything about it.
const plainEvent = "ce-specversion: 1.0\r\nce-id: corpus-good\r\nce-source: /corpus\r\nce-type: somssi.tried.v1\r\n"

func (h *house) eventLines() string { return plainEvent }

// counted would leave a trace in every store if it were served.
const counted = `{"talentId":4999999,"version":1,"sellerId":7,"category":"smuggled","title":"t","priceKrw":1,"tags":[],"at":"2026-01-02T03:04:05.000Z"}`

var smuggled = "POST /talents HTTP/1.1\r\nHost: localhost\r\n" + strings.Replace(strings.Replace(plainEvent, "corpus-good", "smuggled", 1), "somssi.tried.v1", "somssi.talent.registered.v1", 1) +
	fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(counted), counted)

var rawWords = strings.NewReplacer("$post", "POST /talents HTTP/1.1\r\nHost: localhost\r\n"+plainEvent, "$event", plainEvent, "$smuggled", smuggled,
	"$lf_event", strings.ReplaceAll(plainEvent, "\r", ""))

// raw sends the bytes of each row to a function and to the gateway, which answer
// once, close where they refuse, and serve nothing that hides in it.
func (h *house) raw(t *testing.T, all []row) int {
	was := h.calm(t)
	var sending sync.WaitGroup
	places := make(chan struct{}, 8)
	var mu sync.Mutex
	for _, r := range all {
		for _, door := range []string{"update-stats", "gateway"} {
			h.tally["raw"]++
			text := rawWords.Replace(string(r.Send))
			if r.Then == "wait" { // while others are sent: for as long as it takes a server to lose patience
				h.slow.Go(func() { h.judgeRaw(h.top, r, door, exchange(h.top, h.address(door), text, "", "", 12*time.Second)) })
				continue
			}
			sending.Go(func() {
				places <- struct{}{}
				defer func() { <-places }()
				a := exchange(t, h.address(door), text, r.Then, "", 3*time.Second)
				mu.Lock()
				defer mu.Unlock()
				h.judgeRaw(t, r, door, a)
				h.good(t, door)
			})
		}
	}
	sending.Wait()
	h.nothingWritten(t, was, 0)
	h.alive(t)
	for name := range h.pids { // how many of these reached a function is not counted
		h.lines(t, name)
		h.owed[name] = h.read[name]
	}
	return len(all)
}

func (h *house) judgeRaw(t *testing.T, r row, door string, a answer) {
	t.Helper()
	want := r.Status
	if door == "gateway" {
		if want = r.Gateway; want == nil { // where the function takes an event, the API has no token
			want = append(slices.Clone(r.Status), 401)
		}
	}
	if !slices.Contains(want, a.status) {
		t.Errorf("%s at %s: answered %d %.200s, want %v", r.Name, door, a.status, a.body, want)
	}
	if a.more && (door != "gateway" || !r.Two) {
		t.Errorf("%s at %s: a second request was answered", r.Name, door)
	}
	framed := []int{401, 404, 405, 431} // a function's answers to a whole request, which the gateway hands on
	if a.status >= http.StatusBadRequest && !a.closed && (door != "gateway" || !slices.Contains(framed, a.status)) {
		t.Errorf("%s at %s: the connection is kept after %d", r.Name, door, a.status)
	}
}
