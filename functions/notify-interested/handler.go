package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

type handler struct{ rdb *redis.Client }

// handle keeps the timeline of the talent's category, which all its followers
// read: one entry however many they are. A talent of which the timeline is told
// late, twice or out of order stands in it once, where it was registered,
// until it is closed.
func (h handler) handle(ctx context.Context, in event.Event) error {
	switch in.Type() {
	case "somssi.talent.registered.v1", "somssi.talent.changed.v1", "somssi.talent.closed.v1":
	default:
		return nil // not about who is interested
	}
	var t talent
	if err := shared.Decode(in, &t); err != nil {
		return err
	}
	if t.ID < 1 || t.At.IsZero() || !shared.Category.MatchString(t.Category) {
		return shared.Permanent(errors.New("talentId, at or category is missing or wrong"))
	}
	var err error
	switch in.Type() {
	case "somssi.talent.registered.v1":
		err = enter(ctx, h.rdb, true, t)
	case "somssi.talent.closed.v1":
		err = leave(ctx, h.rdb, true, t)
	default: // readers look the title and the price up: the entry stays as it is
		err = h.rdb.Publish(ctx, fmt.Sprintf(shared.Hints, t.Category), fmt.Sprintf("changed %d%s", t.ID, trace(ctx))).Err()
	}
	if err != nil {
		return fmt.Errorf("tell followers of %s of talent %d: %w", t.Category, t.ID, err)
	}
	return nil
}

// talent is the part of somssi.talent.*.v1 that this function reads.
type talent struct {
	ID       int64     `json:"talentId"`
	Seller   int64     `json:"sellerId"`
	Category string    `json:"category"`
	At       time.Time `json:"at"` // when it was registered, or closed
}
