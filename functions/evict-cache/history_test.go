package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared/eventtest"
)

// However its events are delivered, and whatever readers that began before fill
// in between, in the end no version before the newest is shown.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		eventtest.Seeds(t, 150, func(t *testing.T, r *rand.Rand) {
			s.Redis.FlushDB(t.Context())
			newest := 1 + r.IntN(6)
			var events []event.Event
			for version := 1; version <= newest; version++ {
				e := eventtest.Load(t, "changed-v2.json")
				e.DataEncoded = fmt.Appendf(nil, `{"talentId":1001,"version":%d}`, version)
				events = append(events, e)
			}
			filled := false // with the newest
			fill := func(version int) {
				var held struct{ Version int }
				_ = json.Unmarshal([]byte(s.Redis.Get(t.Context(), key).Val()), &held)
				if held.Version <= version { // as register-talent does, in a script
					s.Redis.Set(t.Context(), key, fmt.Sprintf(`{"version":%d,"body":{}}`, version), time.Hour)
					filled = filled || version == newest
				}
			}

			eventtest.Deliver(t, r, faults, events, func(e event.Event) error {
				if r.IntN(2) == 0 {
					fill(1 + r.IntN(newest))
				}
				return handler{flaky.Redis}.handle(t.Context(), e)
			})

			want := fmt.Sprintf(`{"version":%d}`, newest)
			if filled {
				want = fmt.Sprintf(`{"version":%d,"body":{}}`, newest)
			}
			if got := s.Redis.Get(t.Context(), key).Val(); got != want {
				t.Errorf("cache holds %s, want %s", got, want)
			}
		})
	})
}
