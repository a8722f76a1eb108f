package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// After each sweep the gauges tell of what is left; while SQL is away, of what was.
func TestMeasured(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		registry, tick := prometheus.NewRegistry(), eventtest.Load(t, "tick.json")
		sweep := measured(registry, handler{&shared.Outbox{Kafka: eventtest.Kafka(t, topic), DB: s.DB}})
		want := func(fate string, rows, oldest int) {
			t.Helper()
			if err := sweep(t.Context(), tick); eventtest.Fate(err) != fate {
				t.Errorf("fate %q (%v), want %s", eventtest.Fate(err), err, fate)
			}
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, f := range families { // by name
				v := f.GetMetric()[0].GetGauge().GetValue()
				if f.GetName() == "somssi_outbox_oldest_seconds" {
					v = float64(int(v) / 60) // minutes, or a slow machine would make another figure
				}
				got += fmt.Sprint(f.GetName(), " ", v, " ")
			}
			if text := fmt.Sprintf("somssi_outbox_oldest_seconds %d somssi_outbox_rows %d ", oldest, rows); got != text {
				t.Errorf("%q, want %q", got, text)
			}
		}
		want("done", 0, 0)
		for _, minutes := range []time.Duration{50, 90, 10} {
			insert(t, s.DB, made(minutes*time.Minute), topic, time.Hour)
		}
		insert(t, s.DB, made(2*time.Hour), topic, -time.Second) // is sent, and counted no more
		want("done", 3, 90)
		if err := s.DB.Close(); err != nil {
			t.Fatal(err)
		}
		want("again", 3, 90)
	})
}

// made is the id of a row that was written so long ago.
func made(ago time.Duration) string {
	id, ms := uuid.Must(uuid.NewV7()), time.Now().Add(-ago).UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id.String()
}

func TestAge_of_what_is_no_UUIDv7(t *testing.T) {
	for _, id := range []string{"", "a", "00000000-0000-0000-0000-000000000000", uuid.NewString(), "\xff"} {
		if got := age(id); got != 0 {
			t.Errorf("%q is %v s old", id, got)
		}
	}
}
