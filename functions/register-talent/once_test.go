package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

const piano = `{"category":"piano","title":"x","priceKrw":1}`

func TestIdempotencyKey(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		const key = "0123-abc_DEF"
		first := told(h.ask(t, seller, "POST", "/talents", piano, "Idempotency-Key", key))
		if !strings.HasPrefix(first, "201 ") {
			t.Fatal(first)
		}
		for _, tc := range []struct {
			name string
			user int64
			body string
			keys []string
			want string // "first", or the answer's beginning
			more int    // talents, and events
		}{
			{"same_again", seller, piano, []string{key}, "first", 0},
			{"same_written_otherwise", seller, `{"title":" x ", "priceKrw":1, "tags":[], "category":"piano"}`, []string{key}, "first", 0},
			{"another_title", seller, `{"category":"piano","title":"y","priceKrw":1}`, []string{key}, "422 ", 0},
			{"another_price", seller, `{"category":"piano","title":"x","priceKrw":2}`, []string{key}, "422 ", 0},
			{"another_category", seller, `{"category":"cello","title":"x","priceKrw":1}`, []string{key}, "422 ", 0},
			{"other_tags", seller, `{"category":"piano","title":"x","priceKrw":1,"tags":["a"]}`, []string{key}, "422 ", 0},
			{"another_bad_body", seller, `{}`, []string{key}, "422 ", 0},
			{"another_user", other, piano, []string{key}, "201 ", 1},
			{"another_key", seller, piano, []string{key + "2"}, "201 ", 1},
			{"no_key", seller, piano, nil, "201 ", 1},
			{"same_after_all", seller, piano, []string{key}, "first", 0},
			{"nobody", 0, piano, []string{key}, "401 ", 0},

			{"shortest", seller, piano, []string{"12345678"}, "201 ", 1},
			{"longest", seller, piano, []string{strings.Repeat("k", 128)}, "201 ", 1},
			{"too_short", seller, piano, []string{"1234567"}, "422 ", 0},
			{"too_long", seller, piano, []string{strings.Repeat("k", 129)}, "422 ", 0},
			{"empty", seller, piano, []string{""}, "422 ", 0},
			{"other_signs", seller, piano, []string{"12345678;"}, "422 ", 0},
			{"line_end", seller, piano, []string{"12345678\n"}, "422 ", 0},
			{"refused", seller, `{}`, []string{"refusedkey"}, "422 ", 0},
			{"a_refusal_leaves_the_key", seller, piano, []string{"refusedkey"}, "201 ", 1},
			{"two_keys", seller, piano, []string{key, key}, "422 ", 0},
		} {
			t.Run(tc.name, func(t *testing.T) {
				var headers []string
				for _, key := range tc.keys {
					headers = append(headers, "Idempotency-Key", key)
				}
				talents, events := h.count(t, `SELECT count(*) FROM talents`), h.published(t)
				got := told(h.ask(t, tc.user, "POST", "/talents", tc.body, headers...))
				if tc.want == "first" && got != first || tc.want != "first" && !strings.HasPrefix(got, tc.want) {
					t.Errorf("%s, want %s (first: %s)", got, tc.want, first)
				}
				if got := h.count(t, `SELECT count(*) FROM talents`) - talents; got != tc.more {
					t.Errorf("%d talents more, want %d", got, tc.more)
				}
				if got := h.published(t) - events; got != int64(tc.more) {
					t.Errorf("%d events, want %d", got, tc.more)
				}
			})
		}
	})
}

func TestIdempotencyKeyAtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		answers := atOnce(12, func(int) string {
			return told(h.ask(t, seller, "POST", "/talents", piano, "Idempotency-Key", "0123456789"))
		})
		if len(answers) != 1 {
			t.Errorf("different answers: %v", answers)
		}
		if n, events := h.count(t, `SELECT count(*) FROM talents`)-1, h.published(t); n != 1 || events != 1 {
			t.Errorf("%d talents and %d events, want one each", n, events)
		}
	})
}

func TestIdempotencyKeysAreForgotten(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		post := func(user int64, key string) string {
			return told(h.ask(t, user, "POST", "/talents", piano, "Idempotency-Key", key))
		}
		age := func(by time.Duration) {
			h.exec(t, `UPDATE idempotency SET created_ms = $1`, time.Now().Add(-by).UnixMilli())
		}
		first := post(seller, "0123456789")
		age(7*24*time.Hour - time.Minute)
		if again := post(seller, "0123456789"); again != first {
			t.Errorf("after almost 7 days %s, want %s", again, first)
		}
		age(7*24*time.Hour + time.Millisecond)
		if post(other, "0123456789"); h.count(t, `SELECT count(*) FROM idempotency WHERE user_id = $1`, seller) != 0 {
			t.Error("after more than 7 days the key is still kept")
		}
		age(8 * 24 * time.Hour)
		if again := post(other, "0123456789"); !strings.HasPrefix(again, "201 ") || again == first || h.count(t, `SELECT count(*) FROM talents`) != 1+3 {
			t.Errorf("an old key is not free: %s", again)
		}
		if n := h.count(t, `SELECT count(*) FROM idempotency`); n != 1 {
			t.Errorf("%d keys kept, want one", n)
		}
	})
}

// Where a change is repeated it is the same change: a key would add nothing, and a bad one does no harm.
func TestIdempotencyKeyIsOfPOST(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	for range 2 {
		w := h.ask(t, seller, "PATCH", fmt.Sprint("/talents/", taken), `{"title":"y"}`, "Idempotency-Key", "x")
		if want := fmt.Sprintf(`200 {"talentId":%d,"version":4}`, taken); told(w) != want {
			t.Errorf("%s, want %s", told(w), want)
		}
	}
	if n := h.count(t, `SELECT count(*) FROM idempotency`); n != 0 {
		t.Errorf("%d keys kept", n)
	}
}
