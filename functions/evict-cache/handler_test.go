package main

import (
	"testing"
	"time"

	"somssi/shared/eventtest"
)

const key = "talent:1001"

func TestHandle(t *testing.T) {
	const (
		v1   = `{"version":1,"until":1795338000123,"delta":4,"body":{"title":"a"}}`
		v2   = `{"version":2,"until":1795338000123,"delta":4,"body":{"title":"b"}}`
		v3   = `{"version":3,"until":1795338000123,"delta":4,"body":{"title":"c"}}`
		dead = `{"version":2,"until":1795338000123,"delta":4,"body":null}`
	)
	for _, tc := range []struct {
		name   string
		held   string   // in the cache before
		events []string // testdata: what arrives, in order
		fate   string   // of the last event
		want   string   // in the cache after
	}{
		{name: "leaves_a_tombstone_where_nothing_is_held", events: []string{"registered-v1"}, fate: "done", want: `{"version":1}`},
		{name: "drops_an_older_version", held: v1, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "keeps_the_version_it_is_told_of", held: v2, events: []string{"changed-v2"}, fate: "done", want: v2},
		{name: "keeps_a_newer_version", held: v3, events: []string{"changed-v2"}, fate: "done", want: v3},
		{name: "keeps_a_newer_tombstone", held: `{"version":3}`, events: []string{"changed-v2"}, fate: "done", want: `{"version":3}`},
		{name: "replaces_an_older_tombstone", held: `{"version":1}`, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "reads_no_body_as_a_tombstone", held: dead, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "counts_versions_as_numbers", held: `{"version":10}`, events: []string{"changed-v2"}, fate: "done", want: `{"version":10}`},
		{name: "drops_what_is_no_json", held: `{"version":`, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "drops_what_has_no_version", held: `{"body":{}}`, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "drops_what_is_no_object", held: `7`, events: []string{"changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "takes_events_in_order", held: v1, events: []string{"registered-v1", "changed-v2", "closed-v3"}, fate: "done", want: `{"version":3}`},
		{name: "takes_events_1_3_2", held: v1, events: []string{"registered-v1", "closed-v3", "changed-v2"}, fate: "done", want: `{"version":3}`},
		{name: "takes_events_2_1_3", held: v1, events: []string{"changed-v2", "registered-v1", "closed-v3"}, fate: "done", want: `{"version":3}`},
		{name: "takes_events_2_3_1", held: v1, events: []string{"changed-v2", "closed-v3", "registered-v1"}, fate: "done", want: `{"version":3}`},
		{name: "takes_events_3_1_2", held: v1, events: []string{"closed-v3", "registered-v1", "changed-v2"}, fate: "done", want: `{"version":3}`},
		{name: "takes_events_3_2_1", held: v1, events: []string{"closed-v3", "changed-v2", "registered-v1"}, fate: "done", want: `{"version":3}`},
		{name: "takes_an_event_twice", held: v1, events: []string{"changed-v2", "changed-v2"}, fate: "done", want: `{"version":2}`},
		{name: "lets_other_types_pass", held: v1, events: []string{"other-type"}, fate: "done", want: v1},
		{name: "lets_plain_messages_pass", held: v1, events: []string{"plain"}, fate: "done", want: v1},
		{name: "gives_up_without_version", held: v1, events: []string{"bad-no-version"}, fate: "dead letter", want: v1},
		{name: "gives_up_on_version_zero", held: v1, events: []string{"bad-version-zero"}, fate: "dead letter", want: v1},
		{name: "gives_up_on_a_version_that_lua_would_round", held: v1, events: []string{"bad-version-beyond-lua"}, fate: "dead letter", want: v1},
		{name: "gives_up_on_a_version_in_text", held: v1, events: []string{"bad-version-text"}, fate: "dead letter", want: v1},
		{name: "gives_up_without_talent", held: v1, events: []string{"bad-no-talent"}, fate: "dead letter", want: v1},
		{name: "gives_up_on_a_negative_talent", held: v1, events: []string{"bad-talent-negative"}, fate: "dead letter", want: v1},
		{name: "gives_up_on_what_is_no_object", held: v1, events: []string{"bad-no-object"}, fate: "dead letter", want: v1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				if tc.held != "" {
					if err := s.Redis.Set(t.Context(), key, tc.held, time.Hour).Err(); err != nil {
						t.Fatal(err)
					}
				}

				var err error
				for _, name := range tc.events {
					err = handler{s.Redis}.handle(t.Context(), eventtest.Load(t, name+".json"))
				}

				if got := eventtest.Fate(err); got != tc.fate {
					t.Errorf("fate %q, want %q (err: %v)", got, tc.fate, err)
				}
				if got := s.Redis.Get(t.Context(), key).Val(); got != tc.want {
					t.Errorf("cache holds %s, want %s", got, tc.want)
				}
			})
		})
	}
}

func TestTombstoneEnds(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		if err := (handler{s.Redis}).handle(t.Context(), eventtest.Load(t, "changed-v2.json")); err != nil {
			t.Fatal(err)
		}
		if ttl := s.Redis.TTL(t.Context(), key).Val(); ttl <= 50*time.Second || ttl > time.Minute {
			t.Errorf("the tombstone lasts another %v, want almost 60s", ttl)
		}
	})
}

func TestRedisAway(t *testing.T) {
	err := handler{eventtest.RedisAway(t)}.handle(t.Context(), eventtest.Load(t, "changed-v2.json"))
	if got := eventtest.Fate(err); got != "again" {
		t.Errorf("fate %q, want again (err: %v)", got, err)
	}
}
