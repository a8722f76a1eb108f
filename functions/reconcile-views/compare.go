package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

// talent is what SQL has of one.
type talent struct {
	TalentID, Version, SellerID, PriceKRW, RegisteredMs, ChangedMs int64
	Category, Title, Tags, State                                   string
}

// read is the next batch of talents after one, in the order of their last change, but for those with an event in the outbox.
func (h handler) read(ctx context.Context, ms, id, until int64) (talents []talent, err error) {
	err = sqlscan.Select(ctx, h.outbox.DB, &talents, `
		SELECT talent_id, version, seller_id, price_krw, registered_ms, changed_ms, category, title, tags, state FROM talents
		WHERE (changed_ms, talent_id) > ($1, $2) AND changed_ms < $3 AND CAST(talent_id AS TEXT) NOT IN (SELECT key FROM outbox)
		ORDER BY changed_ms, talent_id LIMIT $4`, ms, id, until, batch)
	return talents, err
}

// views are what a talent is looked for in: its timeline, while it is open; what has withdrawn from there, which bars an
// open one; the statistics, which count all; the cache, which must show no version before this one.
var views = []string{"timeline", "withdrawn", "barred", "statistics", "cache"}

const remembered = 7 * 24 * time.Hour // a closing; then the topic has forgotten the registration, which could undo it

// gap is a talent, and the views that lack something of it.
type gap struct {
	talent
	lacking []string
}

// told is the key of a mark: an event about this version was sent lately.
func (t talent) told() string { return fmt.Sprintf("reconciled:%d:%d", t.TalentID, t.Version) }

// held is what Redis has of a talent.
type held struct {
	told          *redis.IntCmd
	counted       *redis.BoolCmd
	entered, left *redis.FloatCmd
	cached        *redis.StringCmd
}

// compare is what the views lack of talents, but for those just told of.
func (h handler) compare(ctx context.Context, talents []talent) (gaps []gap, err error) {
	all := make([]held, len(talents))
	commands, _ := h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, t := range talents {
			all[i] = held{p.Exists(ctx, t.told()),
				p.SIsMember(ctx, fmt.Sprintf(shared.StatsCounted, shared.StatsShard(t.TalentID), time.UnixMilli(t.RegisteredMs).UTC().Format("2006-01-02T15")), t.TalentID),
				p.ZScore(ctx, fmt.Sprintf(shared.Timeline, t.Category), fmt.Sprintf(shared.Member, t.TalentID, t.SellerID)),
				p.ZScore(ctx, fmt.Sprintf(shared.Withdrawn, t.Category), fmt.Sprint(t.TalentID)),
				p.Get(ctx, fmt.Sprintf(shared.TalentCache, t.TalentID))}
		}
		return nil
	})
	for _, c := range commands {
		if c.Err() != nil && !errors.Is(c.Err(), redis.Nil) {
			return nil, fmt.Errorf("read the views: %w", c.Err())
		}
	}
	floors := map[string]int64{}
	for i, has := range all {
		g, entered, left := gap{talent: talents[i]}, has.entered.Err() == nil, has.left.Err() == nil
		missed := g.State == "open" && !entered
		if _, known := floors[g.Category]; missed && !known {
			if floors[g.Category], err = h.floor(ctx, g.Category); err != nil {
				return nil, fmt.Errorf("read the newest of %s: %w", g.Category, err)
			}
		}
		missed = missed && g.RegisteredMs > floors[g.Category]
		unclosed := g.State == "closed" && (entered || !left && time.Since(time.UnixMilli(g.ChangedMs)) < remembered)
		barred := g.State == "open" && left && has.left.Val() < float64(time.Now().Add(-h.after).UnixMilli()) // or it was closed since it was read
		for view, lacks := range []bool{missed, unclosed, barred, !has.counted.Val(), stale(has.cached.Val(), g.Version)} {
			if lacks {
				g.lacking = append(g.lacking, views[view])
			}
		}
		if len(g.lacking) > 0 && has.told.Val() == 0 {
			gaps = append(gaps, g)
		}
	}
	return gaps, nil
}

// floor is the time above which no timeline of a category let a talent go: fewer than 1,000 were registered after it,
// be they closed by now.
func (h handler) floor(ctx context.Context, category string) (ms int64, err error) {
	thousandth := `SELECT registered_ms FROM talents WHERE category = $1 ORDER BY registered_ms DESC LIMIT 1 OFFSET 999`
	err = h.outbox.DB.QueryRowContext(ctx, `SELECT COALESCE((`+thousandth+`), -1)`, category).Scan(&ms)
	return ms, err
}

// stale reports whether what is cached shows a version before this one.
func stale(cached string, version int64) bool {
	var e struct {
		Version int64
		Body    *struct{}
	}
	return json.Unmarshal([]byte(cached), &e) == nil && e.Body != nil && e.Version < version
}
