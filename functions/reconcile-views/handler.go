package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"somssi/shared"
)

const (
	batch = 500              // talents
	most  = 2000             // repairs of a run: a view that is lost as a whole is for rebuild, and is to be no flood
	spare = 10 * time.Second // of a run's time, for the batch that has begun
)

type handler struct {
	outbox  *shared.Outbox
	rdb     *redis.Client
	after   time.Duration          // for which a change is left to the deliveries under way
	repairs *prometheus.CounterVec // by view
}

// handle looks at each talent once after it changed, and at the next few of all, round and round, because a
// repair can be lost, too. Of what a view lacks it tells again, with an event that the functions know; the effects
// are theirs. After most repairs, or where its time ends, it stops, and the next run goes on from there.
func (h handler) handle(ctx context.Context, _ event.Event) error {
	run, until := report{}, time.Now().Add(-h.after).UnixMilli()
	err := h.walk(ctx, "settled", until, run)
	if err == nil {
		err = h.walk(ctx, "round", until, run)
	}
	line := zerolog.Ctx(ctx).Info().Int("compared", run["compared"]).Int("repaired", run["repaired"])
	for _, view := range views {
		line.Int(view, run[view])
		h.repairs.WithLabelValues(view).Add(float64(run[view]))
	}
	line.Bool("limited", run["repaired"] >= most).Msg("reconciled")
	if err != nil {
		err = fmt.Errorf("compare talents with the views: %w", err)
	}
	return err
}

// report is how many talents a run "compared" and "repaired", and these by view.
type report map[string]int

// walk goes on from the mark name: by one batch of the round, by all there are of what settled. Marks are kept in
// Redis, to be lost with the views: then all talents are compared again.
func (h handler) walk(ctx context.Context, name string, until int64, run report) error {
	var ms, id int64
	text, err := h.rdb.HGet(ctx, "reconciled", name).Result()
	if errors.Is(err, redis.Nil) { // from the first talent on
		err = nil
	}
	_, _ = fmt.Sscanf(text, "%d-%d", &ms, &id)
	for more := err == nil; more && run["repaired"] < most; {
		var talents []talent
		var gaps []gap
		if talents, err = h.read(ctx, ms, id, until); err == nil {
			gaps, err = h.compare(ctx, talents)
		}
		if err == nil && len(gaps) > 0 {
			err = h.repair(ctx, gaps, run)
		}
		run["compared"] += len(talents)
		if n := len(talents); n > 0 {
			ms, id = talents[n-1].ChangedMs, talents[n-1].TalentID
		}
		if name == "round" && len(talents) < batch {
			ms, id = 0, 0
		}
		if err == nil { // or the same ones are compared again
			err = h.rdb.HSet(ctx, "reconciled", name, fmt.Sprintf("%d-%d", ms, id)).Err()
		}
		end, timed := ctx.Deadline()
		more = err == nil && name == "settled" && len(talents) == batch && (!timed || time.Until(end) > spare)
	}
	return err
}
