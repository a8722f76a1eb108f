package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
)

const (
	batch    = 500              // rows
	lease    = 10 * time.Second // of a batch; leaves time for SQL after patience
	patience = 7 * time.Second  // with Kafka; the producer gives up after 5 s where it can
)

// claim leases at most batch rows that are due, the longest due first: no other
// relay gets them until the lease has run out. A lease and not a transaction
// held open while Kafka answers: a slow Kafka would keep connections and locks,
// hold back PostgreSQL's vacuum, and stop every writer of SQLite. A crash frees
// the rows by doing nothing. Rows are found by their time and never by "id > the
// last one", so what commits late is not passed over.
func claim(ctx context.Context, db *sql.DB) ([]shared.Row, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("claim outbox rows: %w", err)
	}
	defer func() { _ = c.Close() }()
	now, skip := time.Now(), "" // SQLite has one writer at a time
	if isPostgres(c) {
		skip = "FOR UPDATE SKIP LOCKED"
	}
	found, err := c.QueryContext(ctx, `
		WITH due AS (SELECT id FROM outbox WHERE not_before_ms <= $1 ORDER BY not_before_ms LIMIT $2 `+skip+`)
		UPDATE outbox SET not_before_ms = $3 WHERE id IN (SELECT id FROM due) RETURNING id, topic, key, event`,
		now.UnixMilli(), batch, now.Add(lease).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("claim outbox rows: %w", err)
	}
	defer func() { _ = found.Close() }()
	var rows []shared.Row
	for found.Next() {
		var r shared.Row
		if err := found.Scan(&r.ID, &r.Topic, &r.Key, &r.Text); err != nil {
			return nil, fmt.Errorf("read an outbox row: %w", err)
		}
		rows = append(rows, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("claim outbox rows: %w", err)
	}
	return rows, nil
}

// isPostgres looks below what wraps the driver's own connection.
func isPostgres(c *sql.Conn) (yes bool) {
	_ = c.Raw(func(conn any) error {
		for {
			wrapper, ok := conn.(interface{ Raw() driver.Conn })
			if !ok {
				break
			}
			conn = wrapper.Raw()
		}
		_, yes = conn.(*stdlib.Conn)
		return nil
	})
	return yes
}

// send returns the ids of the rows that Kafka has, and why it has not the
// others. It waits at most patience, because the producer itself would wait for
// ever on a Kafka that accepts a request and does not answer. What Kafka may
// have got then is sent again, under the same id.
func send(ctx context.Context, kafka *kgo.Client, rows []shared.Row) (sent []any, unsent error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type answer struct {
		id  string
		err error
	}
	answers := make(chan answer, len(rows)) // so that the producer never waits for us
	for _, r := range rows {
		kafka.Produce(ctx, r.Record(ctx), func(_ *kgo.Record, err error) { answers <- answer{r.ID, err} })
	}
	for range rows {
		select {
		case a := <-answers:
			if a.err == nil {
				sent = append(sent, a.id)
			} else {
				unsent = a.err
			}
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
	return sent, unsent
}

// remove deletes the rows with ids, at most batch.
func remove(ctx context.Context, db *sql.DB, ids []any) error {
	if len(ids) == 0 {
		return nil
	}
	var in strings.Builder
	for i := range ids {
		fmt.Fprintf(&in, ", $%d", i+1)
	}
	if _, err := db.ExecContext(ctx, `DELETE FROM outbox WHERE id IN (`+in.String()[2:]+`)`, ids...); err != nil {
		return fmt.Errorf("delete %d published outbox rows: %w", len(ids), err)
	}
	return nil
}
