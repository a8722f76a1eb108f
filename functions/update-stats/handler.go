package main

import (
	"context"
	"errors"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

type handler struct{ rdb *redis.Client }

// handle counts a registered talent: in all, in its category, in its minute. A
// talent counts once, by its id, whenever and however often it is told of.
func (h handler) handle(ctx context.Context, in event.Event) error {
	if in.Type() != "somssi.talent.registered.v1" {
		return nil // not counted
	}
	var t talent
	if err := shared.Decode(in, &t); err != nil {
		return err
	}
	if t.ID < 1 || t.At.IsZero() || !shared.Category.MatchString(t.Category) {
		return shared.Permanent(errors.New("talentId, at or category is missing or wrong"))
	}
	return count(ctx, h.rdb, t)
}

// talent is the part of somssi.talent.registered.v1 that this function reads.
type talent struct {
	ID       int64     `json:"talentId"`
	Category string    `json:"category"`
	At       time.Time `json:"at"`
}
