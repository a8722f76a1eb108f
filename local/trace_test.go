package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// One registration is one trace, from its request to the frame at a browser.
func TestTrace(t *testing.T) {
	o := options(t, t.TempDir())
	o.Trace = true
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Stop(t.Context()) })
	seller, err := client.SignIn(t.Context(), http.DefaultTransport, h.Run.URL, 7)
	if err != nil {
		t.Fatal(err)
	}
	var signedIn struct{ Token string }
	if err := harness.Ask(t.Context(), h.Run, http.MethodPost, "/dev/token", map[string]int{"user": 42}, &signedIn); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlOf(t, h).ExecContext(t.Context(), `INSERT INTO interests (user_id, category, since_ms) VALUES (42, 'music', 0)`); err != nil {
		t.Fatal(err)
	}
	stream := openStream(t, h.Functions()["stream-inbox"], signedIn.Token, false)
	trace := uuid.New()
	id := hex.EncodeToString(trace[:])
	talent := map[string]any{"category": "music", "title": "guitar", "priceKrw": 1, "tags": []string{}}
	if _, err := seller.Do(t.Context(), http.MethodPost, "/talents", talent, nil, map[string]string{"traceparent": fmt.Sprintf("00-%s-%s-01", id, id[:16])}); err != nil {
		t.Fatal(err)
	}
	for stream.Scan() && !strings.HasPrefix(stream.Text(), "event: notification") {
	}
	want := []string{
		"adopt-talent POST", "evict-cache POST", "evict-cache eval", "notify-interested POST", "notify-interested eval",
		"register-talent POST /talents", "register-talent new_talent_events publish", "register-talent sql.conn.exec DELETE outbox",
		"register-talent sql.conn.exec INSERT outbox", "register-talent sql.conn.exec INSERT talents", "register-talent sql.tx.commit",
		"stream-inbox hint", "stream-inbox sql.conn.query SELECT talents", "update-stats POST", "update-stats eval",
	}
	var found []harness.Span
	eventtest.Eventually(t, "[]", func() string { // spans are sent after the work
		if err := harness.Get(h.Run, "/dev/traces/"+id, &found); err != nil {
			return err.Error()
		}
		return fmt.Sprint(slices.DeleteFunc(slices.Clone(want), func(hop string) bool {
			return slices.ContainsFunc(found, func(s harness.Span) bool { return strings.HasPrefix(s.Service+" "+s.Name, hop) })
		}))
	})
	events := map[string]bool{}
	for _, s := range found {
		if s.Trace != id || s.Service == "" {
			t.Errorf("%+v", s)
		}
		if s.Kind == "consumer" && s.Event != "" {
			events[s.Event] = true
		}
	}
	if len(events) != 1 {
		t.Errorf("the trace is about the events %v", events)
	}
	for event := range events {
		var again []harness.Span
		if err := harness.Get(h.Run, "/dev/traces/"+event[:13], &again); err != nil || len(again) != len(found) {
			t.Errorf("by the event %d spans (%v), by the trace %d", len(again), err, len(found))
		}
	}
	var drawn bytes.Buffer
	drawTraces(&drawn, found)
	if text := drawn.String(); !strings.Contains(text, "─ notify-interested  POST  204  event ") || strings.Count(text, "\n") != len(found)+3 {
		t.Errorf("drawn as\n%s", text)
	}
}
