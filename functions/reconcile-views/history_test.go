package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// Whatever the views lost, and whatever fails while it is repaired, in the end
// they are what the events had made, and of what nothing was lost nobody is told.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		h := start(flaky)
		eventtest.Seeds(t, 150, func(t *testing.T, r *rand.Rand) {
			s.Redis.FlushDB(t.Context())
			all := randomTalents(r)
			if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM talents`); err != nil {
				t.Fatal(err)
			}
			insert(t, s.DB, all...)
			tell(t, s, all...)
			want, hurt := state(t, s), map[string]bool{}
			for _, one := range all {
				if one.ChangedMs < ago(h.after) && r.IntN(3) == 0 {
					lose(t, r, s, one)
					hurt[fmt.Sprintf("talent/%d", one.TalentID)] = true
				}
			}

			for runs, quiet := 0, 0; quiet < 2; runs++ {
				if runs == 200 {
					t.Fatalf("after %d runs it still repairs, or fails", runs)
				}
				faults.Fail(r.IntN(25), r.IntN(2) == 0) // of 8 calls, and 3 more for each repair
				err := h.handle(t.Context(), eventtest.Load(t, "tick.json"))
				faults.Fail(-1, false)
				if got := eventtest.Fate(err); got == "dead letter" {
					t.Fatalf("given up: %v", err)
				}
				events := published(t, s.DB)
				if quiet++; err != nil || len(events) > 0 {
					quiet = 0
				}
				r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				for _, e := range events {
					if !hurt[e.Subject()] {
						t.Errorf("told of %s, of which nothing was lost", e.Subject())
					}
					if r.IntN(4) > 0 { // else this one is dropped, too
						apply(t, s, e)
					}
				}
				for _, one := range all { // the time that is left to these events goes by
					s.Redis.Del(t.Context(), one.told())
				}
			}

			if got := state(t, s); got != want {
				t.Errorf("views\n%s\nwant\n%s", got, want)
			}
		})
	})
}

func randomTalents(r *rand.Rand) (all []talent) {
	for i := range 1 + r.IntN(12) {
		registered := ago(time.Duration(1+r.IntN(100))*time.Hour) + int64(i)
		one := talent{TalentID: int64(i + 1), Version: int64(1 + r.IntN(3)), SellerID: 7, Category: []string{"music", "art"}[r.IntN(2)], Title: "x", Tags: "[]", State: "open",
			RegisteredMs: registered, ChangedMs: registered}
		if one.Version > 1 {
			one.ChangedMs = ago(time.Duration(r.IntN(3600)) * time.Second) // just now, too
			one.State = []string{"open", "closed"}[r.IntN(2)]
		}
		all = append(all, one)
	}
	return all
}

// lose undoes some of what the events of a talent had made, or what only a later one did.
func lose(t *testing.T, r *rand.Rand, s eventtest.Stores, one talent) {
	t.Helper()
	member := fmt.Sprintf("%d:%d", one.TalentID, one.SellerID)
	for range 1 + r.IntN(3) {
		switch r.IntN(4) {
		case 0:
			s.Redis.SRem(t.Context(), counted(one.TalentID, one.RegisteredMs), one.TalentID)
		case 1:
			s.Redis.ZRem(t.Context(), "tl:"+one.Category, member)
		case 2:
			if one.State == "closed" {
				s.Redis.ZRem(t.Context(), "{tl:"+one.Category+"}:gone", one.TalentID)
				s.Redis.ZAdd(t.Context(), "tl:"+one.Category, redis.Z{Score: float64(one.RegisteredMs), Member: member})
			}
		case 3:
			if one.Version > 1 {
				s.Redis.Set(t.Context(), fmt.Sprintf("talent:%d", one.TalentID), fmt.Sprintf(`{"version":%d,"body":{}}`, one.Version-1), 0)
			}
		}
	}
}

// apply does what the functions do when they get e.
func apply(t *testing.T, s eventtest.Stores, e event.Event) {
	t.Helper()
	var data struct {
		TalentID, SellerID, Version int64
		Category                    string
		At                          time.Time
	}
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		t.Fatal(err)
	}
	c, timeline, gone := t.Context(), "tl:"+data.Category, "{tl:"+data.Category+"}:gone"
	member, cached := fmt.Sprintf("%d:%d", data.TalentID, data.SellerID), fmt.Sprintf(shared.TalentCache, data.TalentID)
	switch e.Type() {
	case "somssi.talent.registered.v1":
		s.Redis.SAdd(c, counted(data.TalentID, data.At.UnixMilli()), data.TalentID)
		if s.Redis.ZScore(c, gone, fmt.Sprint(data.TalentID)).Err() != nil {
			s.Redis.ZAddNX(c, timeline, redis.Z{Score: float64(data.At.UnixMilli()), Member: member})
		}
	case "somssi.talent.closed.v1":
		s.Redis.ZAdd(c, gone, redis.Z{Score: float64(data.At.UnixMilli()), Member: data.TalentID})
		s.Redis.ZRem(c, timeline, member)
	}
	if stale(s.Redis.Get(c, cached).Val(), data.Version) {
		s.Redis.Del(c, cached)
	}
}

// state is all that the views hold.
func state(t *testing.T, s eventtest.Stores) string {
	t.Helper()
	held := map[string]string{}
	keys, err := s.Redis.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		switch kind := s.Redis.Type(t.Context(), key).Val(); kind {
		case "zset":
			held[key] = fmt.Sprint(s.Redis.ZRangeWithScores(t.Context(), key, 0, -1).Val())
		case "set":
			held[key] = fmt.Sprint(slices.Sorted(slices.Values(s.Redis.SMembers(t.Context(), key).Val())))
		case "string":
			held[key] = s.Redis.Get(t.Context(), key).Val()
		}
	}
	var out []string
	for _, key := range slices.Sorted(maps.Keys(held)) {
		out = append(out, key+" "+held[key])
	}
	return strings.Join(out, "\n")
}
