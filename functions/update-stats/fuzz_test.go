package main

import (
	"regexp"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzCount holds every event's data to: given up, with nothing written, or counted
// once, under keys of the statistics, however often it comes.
func FuzzCount(f *testing.F) {
	for _, text := range seeds.Of(f, "CEFG") {
		f.Add([]byte(text))
		f.Add([]byte(`{"talentId":7,"at":"2026-01-02T03:04:05Z","category":"` + text + `"}`))
	}
	rdb := eventtest.Embedded(f).Redis
	ours := regexp.MustCompile(`^\{s\d\d\}:(total|hours|m:\d{4}-\d\d-\d\d|counted:\d{4}-\d\d-\d\dT\d\d)$`)
	f.Fuzz(func(t *testing.T, data []byte) {
		in := event.New()
		in.SetType("somssi.talent.registered.v1")
		in.DataEncoded = data
		err := handler{rdb}.handle(t.Context(), in)
		if err == nil {
			err = handler{rdb}.handle(t.Context(), in)
		}
		keys, away := rdb.Keys(t.Context(), "*").Result()
		if fate := eventtest.Fate(err); away != nil || fate == "again" || fate != "done" && len(keys) > 0 || fate == "done" && len(keys) < 2 {
			t.Fatalf("%q: %v, and Redis holds %q", data, err, keys)
		}
		for _, key := range keys {
			if !ours.MatchString(key) {
				t.Fatalf("%q: Redis holds %q", data, key)
			}
			if n, err := rdb.HGet(t.Context(), key, "talents").Result(); err == nil && n != "1" {
				t.Fatalf("%q: counted %s times", data, n)
			}
		}
		if err := rdb.FlushDB(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	})
}
