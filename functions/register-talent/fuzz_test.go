package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"testing"

	"somssi/shared"
	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzRegistration holds every body to: a refusal that names a field, or a talent
// within the limits, which said once more stays as it is and comes back from JSON.
func FuzzRegistration(f *testing.F) {
	for _, text := range seeds.Of(f, "EFG") {
		f.Add([]byte(text))
		quoted, _ := json.Marshal(text)
		f.Add([]byte(`{"category":"corpus","priceKrw":1,"title":` + string(quoted) + `,"tags":[` + string(quoted) + `]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/talents", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var in wish
		err := shared.ReadJSON(httptest.NewRecorder(), r, &in)
		made := talent{PriceKRW: -1}
		if err == nil {
			err = in.apply(&made)
		}
		if err != nil {
			if p := new(shared.Problem); !errors.As(err, &p) || p.Status == http.StatusUnprocessableEntity && len(p.Errors) == 0 {
				t.Fatalf("refused by %v", err)
			}
			return
		}
		if !shared.Category.MatchString(made.Category) || len(made.Tags) > 10 || made.PriceKRW < 0 || made.PriceKRW > 1_000_000_000 || len([]rune(made.Title)) > 120 {
			t.Fatalf("%s makes %+v", body, made)
		}
		again := talent{PriceKRW: -1}
		all := []string(made.Tags)
		if err := (wish{&made.Category, &made.Title, &made.PriceKRW, &all}).apply(&again); err != nil || !reflect.DeepEqual(made, again) {
			t.Fatalf("%+v becomes %+v, %v", made, again, err)
		}
		text, err := json.Marshal(made.Tags)
		var tags tags
		if err != nil || tags.Scan(string(text)) != nil || !reflect.DeepEqual(tags, made.Tags) {
			t.Fatalf("tags %q come back as %q", made.Tags, tags)
		}
	})
}

// FuzzIdempotencyKey holds every key to: refused, or the first answer under it and no other.
func FuzzIdempotencyKey(f *testing.F) {
	for _, text := range append(seeds.Of(f, "FGI"), "12345678", "a-b_c-d_1", "1234567") {
		f.Add(text)
	}
	legal := regexp.MustCompile(`\A[A-Za-z0-9_-]{8,128}\z`)
	db := eventtest.Embedded(f).DB
	undo := errors.New("undo")
	f.Fuzz(func(t *testing.T, key string) {
		err := shared.InTx(t.Context(), db, func(tx *sql.Tx) error {
			first, second := talent{TalentID: 1, Version: 1, SellerID: 7}, talent{TalentID: 2, Version: 1, SellerID: 7}
			err := claim(t.Context(), tx, []string{key}, &first)
			if ok := legal.MatchString(key); ok != (err == nil) {
				t.Errorf("%q: %v", key, err)
			}
			if err == nil {
				err = claim(t.Context(), tx, []string{key}, &second)
				if err != nil || second.TalentID != 1 {
					t.Errorf("%q again is talent %d, %v", key, second.TalentID, err)
				}
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
	})
}
