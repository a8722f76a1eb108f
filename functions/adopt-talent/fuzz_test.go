package main

import (
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared"
	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

// FuzzPlain holds every message to: given up, somebody else's, or a talent within
// the limits, in the form it is stored in.
func FuzzPlain(f *testing.F) {
	for _, text := range seeds.Of(f, "CDEFG") {
		f.Add([]byte(text))
		f.Add([]byte(`{"type":"new_talent","talent_id":"7","category":"corpus","title":"` + text + `"}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := event.New()
		in.SetType("dev.knative.kafka.event")
		in.DataEncoded = data
		got, err := read(in)
		if err != nil && (eventtest.Fate(err) != "dead letter" || len(err.Error()) > 512 || got != nil) {
			t.Fatalf("%q: %v", data, err)
		}
		if got == nil {
			return
		}
		again, err := shared.Clean(got.title, 120)
		if err != nil || again != got.title || !shared.Category.MatchString(got.category) || got.id < 1 || got.id >= 1<<53 || got.at.IsZero() {
			t.Fatalf("%q is adopted as %+v", data, got)
		}
	})
}
