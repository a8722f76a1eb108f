package main

import (
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared"
	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzTimeline holds every event's data to: given up, with nothing written, or an
// entry under the key of its own category.
func FuzzTimeline(f *testing.F) {
	for _, text := range seeds.Of(f, "CEFG") {
		f.Add(true, []byte(text))
		f.Add(false, []byte(`{"talentId":7,"sellerId":1,"at":"2026-01-02T03:04:05Z","category":"`+text+`"}`))
	}
	rdb := eventtest.Embedded(f).Redis
	f.Fuzz(func(t *testing.T, registered bool, data []byte) {
		in := event.New()
		in.SetType("somssi.talent.closed.v1")
		if registered {
			in.SetType("somssi.talent.registered.v1")
		}
		in.DataEncoded = data
		err := handler{rdb}.handle(t.Context(), in)
		keys, away := rdb.Keys(t.Context(), "*").Result()
		if fate := eventtest.Fate(err); away != nil || fate == "again" || fate != "done" && len(keys) > 0 {
			t.Fatalf("%q: %v, and Redis holds %q", data, err, keys)
		}
		for _, key := range keys {
			category := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(key, "{"), "tl:"), "}:gone")
			if !shared.Category.MatchString(category) {
				t.Fatalf("%q: Redis holds %q", data, key)
			}
		}
		if err := rdb.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	})
}
