package main

import (
	"context"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared"
)

type handler struct{ outbox *shared.Outbox }

// handle relays what is due, whatever event set it off, in batches until
// nothing is due or ctx ends within lease; the next event goes on from there.
// Several may run at once. Rows that Kafka did not take come due again.
func (h handler) handle(ctx context.Context, _ event.Event) error {
	for {
		n, err := h.relay(ctx)
		if err != nil || n < batch {
			return err
		}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < lease {
			return nil
		}
	}
}

// relay takes at most one batch to Kafka and returns how many rows were due.
func (h handler) relay(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, lease) // after which the rows may be another's
	defer cancel()
	rows, err := claim(ctx, h.outbox.DB)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	sent, unsent := send(ctx, h.outbox.Kafka, rows)
	if err := remove(ctx, h.outbox.DB, sent); err != nil {
		return len(rows), err
	}
	if unsent != nil {
		return len(rows), fmt.Errorf("publish %d of %d outbox rows: %w", len(rows)-len(sent), len(rows), unsent)
	}
	return len(rows), nil
}
