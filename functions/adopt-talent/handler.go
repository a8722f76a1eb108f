package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared"
)

type handler struct{ outbox *shared.Outbox }

// handle registers the talent of a plain message and tells of it with
// somssi.talent.registered.v1, once by its id: the id of the event repeats
// after its topic is made again. Of copies the first one counts.
func (h handler) handle(ctx context.Context, in event.Event) error {
	if in.Type() != "dev.knative.kafka.event" {
		return nil // a CloudEvent: everybody understands it as it is
	}
	t, err := read(in)
	if err != nil || t == nil {
		return err
	}
	var row shared.Row
	err = shared.InTx(ctx, h.outbox.DB, func(tx *sql.Tx) error {
		isNew, err := insert(ctx, tx, *t)
		if err == nil && isNew {
			row, err = h.outbox.Append(ctx, tx, t.registered(in.ID()))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("adopt talent %d: %w", t.id, err)
	}
	if row.ID != "" {
		h.outbox.Publish(row)
	}
	return nil
}

// insert reports whether t was not there before, registered by whomever. It
// changed now: when its event may be missed does not depend on its message's age.
func insert(ctx context.Context, tx *sql.Tx, t talent) (bool, error) {
	done, err := tx.ExecContext(ctx, `
		INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
		VALUES ($1, 1, 0, $2, $3, 0, '[]', 'open', $4, $5) ON CONFLICT (talent_id) DO NOTHING`,
		t.id, t.category, t.title, t.at.UnixMilli(), time.Now().UnixMilli())
	if err != nil {
		return false, fmt.Errorf("insert: %w", err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// registered is the event about t, with what the producer did not say as zero.
func (t talent) registered(cause string) shared.Draft {
	return shared.Draft{
		Topic:   "new_talent_events",
		Type:    "somssi.talent.registered.v1",
		Subject: fmt.Sprintf("talent/%d", t.id),
		Key:     fmt.Sprint(t.id),
		At:      t.at,
		Cause:   cause,
		Data: registered{
			ID: t.id, Version: 1, Category: t.category, Title: t.title, Tags: []string{},
			At: t.at.Format("2006-01-02T15:04:05.000Z07:00"),
		},
	}
}

// registered is the data of somssi.talent.registered.v1.
type registered struct {
	ID       int64    `json:"talentId"`
	Version  int64    `json:"version"`
	Seller   int64    `json:"sellerId"` // 0: unknown
	Category string   `json:"category"`
	Title    string   `json:"title"`
	Price    int64    `json:"priceKrw"`
	Tags     []string `json:"tags"`
	At       string   `json:"at"` // RFC 3339, UTC, milliseconds
}

// talent is one that another producer tells of.
type talent struct {
	id              int64
	title, category string
	at              time.Time // UTC, whole milliseconds
}
