package main

import (
	"encoding/json"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzEvict holds every event's data, whatever the cache holds, to: given up, or
// done; and the cache then has nothing of an older version.
func FuzzEvict(f *testing.F) {
	for _, text := range seeds.Of(f, "CE") {
		f.Add([]byte(text), `{"version":3,"body":{}}`)
		f.Add([]byte(`{"talentId":7,"version":4}`), text)
	}
	rdb := eventtest.Embedded(f).Redis
	f.Fuzz(func(t *testing.T, data []byte, held string) {
		if err := rdb.Set(t.Context(), "talent:7", held, 0).Err(); err != nil {
			t.Fatal(err)
		}
		in := event.New()
		in.SetType("somssi.talent.changed.v1")
		in.DataEncoded = data
		err := handler{rdb}.handle(t.Context(), in)
		if fate := eventtest.Fate(err); fate == "again" {
			t.Fatalf("%q over %q: %v", data, held, err)
		}
		var of struct{ TalentID, Version int64 }
		if err != nil || json.Unmarshal(data, &of) != nil || of.TalentID != 7 {
			return
		}
		text, err := rdb.Get(t.Context(), "talent:7").Result()
		var now struct{ Version float64 }
		if err != nil || json.Unmarshal([]byte(text), &now) == nil && now.Version < float64(of.Version) {
			t.Fatalf("%q over %q leaves %q, %v", data, held, text, err)
		}
	})
}
