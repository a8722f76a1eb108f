package corpus

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"somssi/local/client"
)

// ask sends a row's request to the gateway, with a good token where the row has
// none of its own.
func (h *house) ask(t *testing.T, r row) {
	h.prepare(t)
	was := h.calm(t)
	h.tally["api"]++
	if strings.HasPrefix(r.Request.Path, "/talents") {
		h.owed["register-talent"]++
	}
	token := h.token
	if len(r.Token) > 0 && r.Token[0] == '{' {
		var f forged
		if err := json.Unmarshal(r.Token, &f); err != nil {
			t.Fatal(err)
		}
		token = h.forge(t, f)
	}
	words := strings.NewReplacer("$token", token, "$other", fmt.Sprint(h.other), "$used", h.used)
	q := r.Request
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", q.Method, words.Replace(q.Path))
	if string(r.Token) != `"none"` {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token)
	}
	media := "Content-Type: application/json\r\n"
	for _, header := range q.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", header[0], words.Replace(string(header[1])))
		if string(header[0]) == "Content-Type" {
			media = ""
		}
	}
	fmt.Fprintf(&b, "%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", media, len(q.Body), q.Body)
	until := ""
	if q.Path == "/inbox/stream" {
		until = "event: badge" // which it begins with, once it is open
	}
	a := exchange(t, h.address("gateway"), b.String(), "", until, 10*time.Second)
	if !slices.Contains(r.Status, a.status) {
		t.Errorf("answered %d %.300s, want %v", a.status, a.body, r.Status)
	}
	if a.more || a.took > time.Second && h.late(t) || a.status >= 400 && len(a.body) > 1024 {
		t.Errorf("%d bytes in %s, and more: %t", len(a.body), a.took, a.more)
	}
	if allowed := a.header.Get("Access-Control-Allow-Origin"); allowed != "" {
		t.Errorf("pages of %s may read the answer", allowed)
	}
	if token != h.token && a.status >= 400 && strings.Contains(a.body, token) {
		t.Error("the token is told")
	}
	h.nothingWritten(t, was, 0, "talent:") // which also is, for a while, that there is none
	for name := range h.pids {
		h.lines(t, name)
	}
	h.logged(t, "register-talent")
	h.good(t, "gateway")
}

// prepare makes what requests are aimed at: another's talent, and a key that was used.
func (h *house) prepare(t *testing.T) {
	t.Helper()
	if h.other != 0 {
		return
	}
	var err error
	if h.other, err = h.seller.Register(t.Context(), client.Talent{Category: "others", Title: "t", PriceKrw: 1}, uuid.NewString()); err != nil {
		t.Fatal(err)
	}
	user, err := client.SignIn(t.Context(), http.DefaultTransport, h.Run.URL, 42)
	if err == nil {
		h.used = uuid.NewString()
		_, err = user.Register(t.Context(), client.Talent{Category: "others", Title: "t", PriceKrw: 1}, h.used)
	}
	if err != nil {
		t.Fatal(err)
	}
	h.dirty = true
	h.owed["register-talent"] += 2
}
