package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzReason holds every answer of a function to: one printable line of at most 1,024 bytes.
func FuzzReason(f *testing.F) {
	for _, text := range append(seeds.Of(f, "BCFG"), "eyJkZXRhaWwiOiJ4In0=") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		got := reason(encoded)
		if len(got) > 1024 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != utf8.RuneError }) {
			t.Fatalf("%q is kept as %q", encoded, got)
		}
	})
}

// FuzzDeadLetter holds every dead letter to: kept, as text that every store takes.
func FuzzDeadLetter(f *testing.F) {
	for _, text := range seeds.Of(f, "BCD") {
		f.Add("ce-id", text, []byte(text))
	}
	db := eventtest.Embedded(f).DB
	f.Fuzz(func(t *testing.T, name, value string, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(body))
		r.Header = http.Header{name: {value}, "Ce-Id": {value}, "Content-Type": {value}}
		if status := deliver(db, r); status != http.StatusNoContent {
			t.Fatalf("answered %d", status)
		}
		var id, of, why string
		if err := db.QueryRowContext(t.Context(), `SELECT event_id, attributes, reason FROM dead_letter`).Scan(&id, &of, &why); err != nil {
			t.Fatal(err)
		}
		if text := id + of + why; !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Fatalf("kept as %q", text)
		}
		if _, err := db.ExecContext(t.Context(), `DELETE FROM dead_letter`); err != nil {
			t.Fatal(err)
		}
	})
}
