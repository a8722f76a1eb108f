package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared/eventtest"
)

// However its events are delivered, each talent counts once.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		eventtest.Seeds(t, 150, func(t *testing.T, r *rand.Rand) {
			s.Redis.FlushDB(t.Context())
			sums := map[string]int{}
			var events []event.Event
			for id := range 1 + r.IntN(12) {
				category, at := fmt.Sprintf("c%d", r.IntN(3)), time.Date(2026, 11, 22, r.IntN(24), r.IntN(3), r.IntN(60), 0, time.UTC)
				sums["talents"]++
				sums["category:"+category]++
				sums[at.Format("15:04")]++
				for _, what := range []string{"registered", "registered", "changed", "closed"}[r.IntN(2) : 2+r.IntN(3)] { // of one registration perhaps two events
					e := eventtest.Load(t, "guitar-registered.json")
					e.SetID(fmt.Sprint(len(events)))
					e.SetType("somssi.talent." + what + ".v1")
					e.DataEncoded = fmt.Appendf(nil, `{"talentId":%d,"category":%q,"at":%q}`, id+1, category, at.Format(time.RFC3339))
					events = append(events, e)
				}
			}

			eventtest.Deliver(t, r, faults, events, func(e event.Event) error { return handler{flaky.Redis}.handle(t.Context(), e) })

			var want []string
			for _, name := range slices.Sorted(maps.Keys(sums)) {
				want = append(want, fmt.Sprintf("%s=%d", name, sums[name]))
			}
			if got := figures(t, s); got != strings.Join(want, " ") {
				t.Errorf("figures %s\nwant    %s", got, strings.Join(want, " "))
			}
		})
	})
}
