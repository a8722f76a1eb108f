package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared/eventtest"
)

// However its events are delivered, an open talent stands in the timeline once
// and a closed one does not, and nobody hears twice of either.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		eventtest.Seeds(t, 150, func(t *testing.T, r *rand.Rand) {
			s.Redis.FlushDB(t.Context())
			hints := listen(t, s)
			var want []string
			var events []event.Event
			for id := range 1 + r.IntN(8) {
				at := time.UnixMilli(1795338000000 + int64(id)*1000)
				happened := []string{"registered", "changed", "closed"}[:1+r.IntN(3)]
				for i, what := range happened {
					e := eventtest.Load(t, "guitar-registered.json")
					e.SetType("somssi.talent." + what + ".v1")
					e.DataEncoded = fmt.Appendf(nil, `{"talentId":%d,"sellerId":7,"category":"music","at":%q}`, id+1, at.Add(time.Duration(i)*time.Hour).UTC().Format(time.RFC3339Nano))
					events = append(events, e)
				}
				if len(happened) < 3 {
					want = append(want, fmt.Sprintf("%d:7@%d", id+1, at.UnixMilli()))
				}
			}

			eventtest.Deliver(t, r, faults, events, func(e event.Event) error { return handler{flaky.Redis}.handle(t.Context(), e) })

			if got := timeline(t, s, "music"); got != strings.Join(want, " ") {
				t.Errorf("timeline %s\nwant     %s", got, strings.Join(want, " "))
			}
			var told []string
			for _, hint := range strings.Split(hints(), ", ") {
				if !strings.HasPrefix(hint, "changed") {
					told = append(told, hint)
				}
			}
			slices.Sort(told)
			if once := slices.Compact(slices.Clone(told)); !slices.Equal(told, once) {
				t.Errorf("told twice: %v", told)
			}
			for _, entry := range want {
				id, _, _ := strings.Cut(entry, ":")
				if !slices.Contains(told, "registered "+id) {
					t.Errorf("never told of %s: %v", id, told)
				}
			}
		})
	})
}
