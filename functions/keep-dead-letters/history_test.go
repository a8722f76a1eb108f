package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"somssi/shared/eventtest"
)

// However they are delivered, each death of an event is kept once, with its reason.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		eventtest.Seeds(t, 120, func(t *testing.T, r *rand.Rand) {
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM dead_letter`); err != nil {
				t.Fatal(err)
			}
			type death struct{ id, offset, dest string }
			var deaths []death
			var want []string
			for range 1 + r.IntN(8) {
				d := death{fmt.Sprint(r.IntN(3)), fmt.Sprint(r.IntN(4)), fmt.Sprintf("http://f%d", r.IntN(2))}
				deaths, want = append(deaths, d), append(want, fmt.Sprint(d))
			}

			eventtest.Deliver(t, r, faults, deaths, func(d death) error {
				in := request(t, "refused")
				in.Header.Set("Ce-Id", d.id)
				in.Header.Set("Ce-Knativekafkaoffset", d.offset)
				in.Header.Set("Ce-Knativeerrordest", d.dest)
				w := httptest.NewRecorder()
				err := handler{flaky.DB}.keep(w, in)
				if err == nil && w.Code != http.StatusNoContent {
					return errors.New("an answer of no fate")
				}
				return err
			})

			var got []string
			for _, row := range kept(t, s.DB) {
				got = append(got, fmt.Sprint(death{row.id, row.attributes["knativekafkaoffset"], row.dest}))
				if row.reason != "talentId, at or category is missing or wrong" {
					t.Errorf("kept %+v without its reason", row)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if want = slices.Compact(want); !slices.Equal(got, want) {
				t.Errorf("kept %v\nwant %v", got, want)
			}
		})
	})
}
