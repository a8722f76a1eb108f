package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"somssi/shared"
	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzCursor holds every cursor to: a page, or a refusal that names it.
func FuzzCursor(f *testing.F) {
	for _, text := range append(seeds.Of(f, "GI"), "1-1:2", "9007199254740991-", "-1-x", "9223372036854775808-1") {
		f.Add(text)
	}
	s := eventtest.Embedded(f)
	h := handler{db: s.DB, rdb: s.Redis}
	in := inbox{user: 1}
	if _, err := s.DB.ExecContext(f.Context(), `INSERT INTO interests (user_id, category, since_ms) VALUES (1, 'corpus', 0)`); err != nil {
		f.Fatal(err)
	}
	in.follows = append(in.follows, struct {
		Category        string
		SinceMs, SeenMs int64
	}{Category: "corpus"})
	f.Fuzz(func(t *testing.T, cursor string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/inbox?cursor="+url.QueryEscape(cursor), http.NoBody)
		w := httptest.NewRecorder()
		shared.Answer(func(w http.ResponseWriter, r *http.Request) error { return h.list(w, r, in) })(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusUnprocessableEntity || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q: %d %s", cursor, w.Code, w.Body)
		}
	})
}
