package dlq

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

// keep writes a letter as keep-dead-letters does.
func keep(t *testing.T, s eventtest.Stores, key, dest, code string, died time.Time) {
	t.Helper()
	_, err := s.DB.ExecContext(t.Context(), `
		INSERT INTO dead_letter (key, kept_ms, dest, event_id, source, type, code, reason, attributes, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`, key, died.UnixMilli(), dest, "id-"+key, "/s", "t", code, "why",
		`{"id":"id-`+key+`","knativeerrordest":"`+dest+`","knativeerrorcode":"422","knativeerrordata":"d2h5","knativekafkaoffset":"7","kept":"x"}`, []byte{0, 255})
	if err != nil {
		t.Fatal(err)
	}
}

const stats, cache = "http://update-stats.somssi.svc.cluster.local", "http://evict-cache.somssi.svc.cluster.local/"

func TestStore(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		now := time.Now().UTC().Truncate(time.Millisecond)
		keep(t, s, "bbbbbbbbb1", cache, "", now.Add(-time.Hour))
		keep(t, s, "aaaaaaaa1", stats, "422", now)
		keep(t, s, "bbbbbbbbb2", stats, "503", now.Add(-48*time.Hour))
		for _, tc := range []struct {
			f    Filter
			want string
		}{
			{Filter{}, "bbbbbbbbb2 bbbbbbbbb1 aaaaaaaa1"},
			{Filter{Function: "update-stats"}, "bbbbbbbbb2 aaaaaaaa1"},
			{Filter{Function: "update"}, ""},
			{Filter{Code: "422"}, "aaaaaaaa1"},
			{Filter{Code: "-"}, "bbbbbbbbb1"},
			{Filter{Before: now.Add(-time.Minute)}, "bbbbbbbbb2 bbbbbbbbb1"},
			{Filter{Event: "id-aaaaaaaa1", Type: "t"}, "aaaaaaaa1"},
			{Filter{Type: "u"}, ""},
		} {
			all, err := List(t.Context(), s.DB, tc.f)
			var got []string
			for _, l := range all {
				got = append(got, l.Key)
			}
			if err != nil || strings.Join(got, " ") != tc.want {
				t.Errorf("%+v: %v (%v), want %s", tc.f, got, err, tc.want)
			}
		}

		keys, err := AllKeys(t.Context(), s.DB)
		if err != nil || keys.Short("aaaaaaaa1") != "aaaaaaaa" || keys.Short("bbbbbbbbb1") != "bbbbbbbbb1" {
			t.Errorf("%v %v", keys, err)
		}
		if key, err := keys.Find("a"); err != nil || key != "aaaaaaaa1" {
			t.Errorf("a: %s %v", key, err)
		}
		if _, err := keys.Find("bbbb"); err == nil || !strings.Contains(err.Error(), "begins 2 dead letters, such as bbbbbbbbb1, bbbbbbbbb2") {
			t.Errorf("bbbb: %v", err)
		}
		for _, none := range []string{"", "c", "aaaaaaaa11"} {
			if _, err := keys.Find(none); !errors.Is(err, ErrGone) {
				t.Errorf("%q: %v", none, err)
			}
		}

		for range 2 {
			if err := Redriven(t.Context(), s.DB, "aaaaaaaa1"); err != nil {
				t.Fatal(err)
			}
		}
		l, err := Read(t.Context(), s.DB, "aaaaaaaa1")
		if err != nil || l.Redrives != 2 || l.Redriven.Before(now) || !l.Died.Equal(now) || l.Function != "update-stats" || l.Answer() != "why" || string(l.Data) != "\x00\xff" {
			t.Errorf("%+v %v", l, err)
		}
		if got := slices.Sorted(maps.Keys(l.Original())); fmt.Sprint(got) != "[id kept knativekafkaoffset]" {
			t.Errorf("the event had %v", got)
		}
	})
}

// Of many who take letters out one counts each.
func TestPurge_at_once(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		for _, key := range []string{"k1", "k2", "kept"} {
			keep(t, s, key, stats, "422", time.Now())
		}
		var was atomic.Int64
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				n, err := Purge(t.Context(), s.DB, []string{"k1", "k2", "gone"})
				if err != nil {
					t.Error(err)
				}
				was.Add(int64(n))
			})
		}
		all.Wait()
		left, err := List(t.Context(), s.DB, Filter{})
		if err != nil || len(left) != 1 || left[0].Key != "kept" || was.Load() != 2 {
			t.Errorf("taken out %d, left %+v (%v)", was.Load(), left, err)
		}
		for range 2 {
			if err := Delete(t.Context(), s.DB, "kept"); err != nil {
				t.Error(err)
			}
		}
		if _, err := Read(t.Context(), s.DB, "kept"); !errors.Is(err, ErrGone) {
			t.Errorf("deleted: %v", err)
		}
	})
}

func TestFunctionOf(t *testing.T) {
	for dest, want := range map[string]string{stats: "update-stats", cache: "evict-cache", "http://localhost:8080": "localhost", "": "", "::": "", "x": ""} {
		if got := functionOf(dest); got != want {
			t.Errorf("%q: %q, want %q", dest, got, want)
		}
	}
}
