package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

type handler struct{ rdb *redis.Client }

func (h handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", shared.Answer(h.stats))
	mux.Handle("/", pages())
	return mux
}

// figures is what GET /stats answers.
type figures struct {
	Talents    int            `json:"talents"`
	ByCategory map[string]int `json:"byCategory"`
	PerMinute  []minute       `json:"perMinute"` // the last 60, oldest first
}

type minute struct {
	Minute  time.Time `json:"minute"`
	Talents int       `json:"talents"`
}

func (h handler) stats(w http.ResponseWriter, r *http.Request) error {
	f, err := h.add(r.Context(), time.Now().UTC().Truncate(time.Minute))
	if err == nil {
		shared.WriteJSON(w, http.StatusOK, f)
	}
	return err
}

// add adds up the shards that update-stats counts in, for the hour until last.
func (h handler) add(ctx context.Context, last time.Time) (figures, error) {
	f := figures{ByCategory: map[string]int{}}
	var fields [2][]string // by day: yesterday's minutes, shortly after midnight, and today's
	first := last.Add(-59 * time.Minute)
	for at := first; !at.After(last); at = at.Add(time.Minute) {
		f.PerMinute = append(f.PerMinute, minute{Minute: at})
		day := min(1, at.YearDay()^first.YearDay())
		fields[day] = append(fields[day], strconv.Itoa(at.Hour()*60+at.Minute()))
	}
	totals := make([]*redis.MapStringStringCmd, shared.StatsShards)
	minutes := make([][]*redis.SliceCmd, shared.StatsShards)
	_, err := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for shard := range shared.StatsShards {
			totals[shard] = p.HGetAll(ctx, fmt.Sprintf(shared.StatsTotals, shard))
			minutes[shard] = append(minutes[shard], p.HMGet(ctx, fmt.Sprintf(shared.StatsMinutes, shard, first.Format(time.DateOnly)), fields[0]...))
			if len(fields[1]) > 0 {
				minutes[shard] = append(minutes[shard], p.HMGet(ctx, fmt.Sprintf(shared.StatsMinutes, shard, last.Format(time.DateOnly)), fields[1]...))
			}
		}
		return nil
	})
	if err != nil {
		return f, fmt.Errorf("read the statistics: %w", err)
	}
	for shard := range shared.StatsShards {
		f.addTotals(totals[shard].Val())
		i := 0
		for _, day := range minutes[shard] {
			for _, count := range day.Val() {
				text, _ := count.(string) // nil where nothing was registered
				n, _ := strconv.Atoi(text)
				f.PerMinute[i].Talents += n
				i++
			}
		}
	}
	return f, nil
}

func (f *figures) addTotals(shard map[string]string) {
	for name := range maps.Keys(shard) {
		n, _ := strconv.Atoi(shard[name])
		if category, ok := strings.CutPrefix(name, "category:"); ok {
			f.ByCategory[category] += n
			continue
		}
		f.Talents += n
	}
}
