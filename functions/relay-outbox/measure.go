package main

import (
	"context"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"somssi/shared"
)

// measured counts after each sweep what is left in the outbox, and how old the oldest of it is.
func measured(registry prometheus.Registerer, h handler) shared.Handler {
	rows := promauto.With(registry).NewGauge(prometheus.GaugeOpts{Name: "somssi_outbox_rows", Help: "Rows in the outbox after the last sweep."})
	oldest := promauto.With(registry).NewGauge(prometheus.GaugeOpts{Name: "somssi_outbox_oldest_seconds", Help: "Age of the oldest row in the outbox after the last sweep, 0 where it is empty."})
	return func(ctx context.Context, in event.Event) error {
		err := h.handle(ctx, in)
		var n float64
		var first string
		counted := h.outbox.DB.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MIN(id), '') FROM outbox`).Scan(&n, &first)
		if counted == nil { // else they stay as they were, and err tells of SQL
			rows.Set(n)
			oldest.Set(age(first))
		}
		return err
	}
}

// age is the seconds since an id was made: the first of all, as a UUIDv7 begins with its time.
func age(id string) float64 {
	made, err := uuid.Parse(id)
	if err != nil || made.Version() != 7 {
		return 0
	}
	seconds, nanoseconds := made.Time().UnixTime()
	return time.Since(time.Unix(seconds, nanoseconds)).Seconds()
}
