package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const topic = "new_talent_events"

func TestHandle(t *testing.T) {
	tick := eventtest.Load(t, "tick.json")
	for _, tc := range []struct {
		name  string
		rows  map[string]time.Duration // id: due in
		topic string                   // of the row "astray", if not the others'
		fate  string
		sent  []string
		left  []string
	}{
		{name: "does_nothing_where_nothing_is_due", fate: "done"},
		{name: "sends_what_is_due", rows: map[string]time.Duration{"a": -time.Hour, "b": -time.Millisecond, "c": 0},
			fate: "done", sent: []string{"a", "b", "c"}},
		{name: "leaves_what_is_not_yet_due", rows: map[string]time.Duration{"a": -time.Second, "later": time.Minute},
			fate: "done", sent: []string{"a"}, left: []string{"later"}},
		{name: "keeps_the_one_that_kafka_refuses", rows: map[string]time.Duration{"a": -time.Second, "astray": -time.Minute, "b": -time.Hour},
			topic: "no_such_topic", fate: "again", sent: []string{"a", "b"}, left: []string{"astray"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				for id, in := range tc.rows {
					to := topic
					if id == "astray" && tc.topic != "" {
						to = tc.topic
					}
					insert(t, s.DB, id, to, in)
				}
				kafka := eventtest.Kafka(t, topic)

				err := handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}.handle(t.Context(), tick)

				if got := eventtest.Fate(err); got != tc.fate {
					t.Errorf("fate %q, want %q (err: %v)", got, tc.fate, err)
				}
				wantIDs(t, "sent", published(t, kafka), tc.sent)
				wantIDs(t, "left", left(t, s.DB), tc.left)
			})
		})
	}
}

func TestRecordIsTheRow(t *testing.T) {
	s, kafka := eventtest.Embedded(t), eventtest.Kafka(t, topic)
	insert(t, s.DB, "a", topic, -time.Second)
	if err := (handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}).handle(t.Context(), eventtest.Load(t, "tick.json")); err != nil {
		t.Fatal(err)
	}
	got := poll(t, kafka, 1)[0]
	if string(got.Key) != "key of a" || string(got.Value) != `{"id":"a"}` || got.Headers[0].Key != "content-type" {
		t.Errorf("record %q: %q with %v", got.Key, got.Value, got.Headers)
	}
}

// Two relays and 1,200 rows: each row is sent, and by one of them only.
func TestTwoAtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		kafka := eventtest.Kafka(t, topic)
		h, tick := handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}, eventtest.Load(t, "tick.json")
		var want []string
		for i := range 1200 {
			want = append(want, fmt.Sprintf("%04d", i))
			insert(t, s.DB, want[i], topic, -time.Minute+time.Duration(i)*time.Millisecond)
		}

		var relays sync.WaitGroup
		for range 2 {
			relays.Go(func() {
				if err := h.handle(t.Context(), tick); err != nil {
					t.Error(err)
				}
			})
		}
		relays.Wait()

		wantIDs(t, "sent", published(t, kafka), want)
		wantIDs(t, "left", left(t, s.DB), nil)
	})
}

// A row may commit after one that has a later id and time was sent.
func TestLateCommit(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		kafka := eventtest.Kafka(t, topic)
		h, tick := handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}, eventtest.Load(t, "tick.json")
		early := func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), insertion, "1", topic, "key of 1", `{"id":"1"}`, 1)
			return err
		}
		open := beginUnlessSQLite(t, s.DB) // which has one writer at a time
		if open != nil {
			if err := early(open); err != nil {
				t.Fatal(err)
			}
		}
		insert(t, s.DB, "2", topic, -time.Second)
		if err := h.handle(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, "sent at first", published(t, kafka), []string{"2"})

		if open != nil {
			if err := open.Commit(); err != nil {
				t.Fatal(err)
			}
		} else if err := shared.InTx(t.Context(), s.DB, early); err != nil {
			t.Fatal(err)
		}
		if err := h.handle(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, "sent then", published(t, kafka), []string{"1"})
	})
}

// A row that another transaction holds, such as its writer's own deletion,
// keeps nothing else waiting.
func TestLockedRow(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		kafka := eventtest.Kafka(t, topic)
		insert(t, s.DB, "held", topic, -time.Minute)
		insert(t, s.DB, "free", topic, -time.Second)
		open := beginUnlessSQLite(t, s.DB)
		if open == nil {
			return // SQLite has one writer at a time
		}
		if _, err := open.ExecContext(t.Context(), `DELETE FROM outbox WHERE id = 'held'`); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := (handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}).handle(ctx, eventtest.Load(t, "tick.json")); err != nil {
			t.Fatal(err)
		}
		wantIDs(t, "sent", published(t, kafka), []string{"free"})
	})
}

// What is claimed is nobody else's until the lease has run out, whether the
// relay that claimed it crashed or Kafka was away.
func TestLease(t *testing.T) {
	for name, fail := range map[string]func(t *testing.T, db *sql.DB){
		"crash": func(t *testing.T, db *sql.DB) {
			if rows, err := claim(t.Context(), db); err != nil || len(rows) != 1 {
				t.Fatalf("claimed %d rows: %v", len(rows), err)
			}
		},
		"kafka_away": func(t *testing.T, db *sql.DB) {
			away, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.RecordDeliveryTimeout(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			defer away.Close()
			err = handler{&shared.Outbox{Kafka: away, DB: db}}.handle(t.Context(), eventtest.Load(t, "tick.json"))
			if eventtest.Fate(err) != "again" {
				t.Errorf("fate with Kafka away: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				kafka := eventtest.Kafka(t, topic)
				h, tick := handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}, eventtest.Load(t, "tick.json")
				insert(t, s.DB, "a", topic, -time.Second)
				fail(t, s.DB)

				before := time.Now()
				if err := h.handle(t.Context(), tick); err != nil {
					t.Fatal(err)
				}
				wantIDs(t, "left while leased", left(t, s.DB), []string{"a"})
				var until int64
				if err := s.DB.QueryRowContext(t.Context(), `SELECT not_before_ms FROM outbox`).Scan(&until); err != nil {
					t.Fatal(err)
				}
				if rest := time.UnixMilli(until).Sub(before); rest < lease/2 || rest > lease {
					t.Errorf("leased for another %v, want almost %v", rest, lease)
				}

				if _, err := s.DB.ExecContext(t.Context(), `UPDATE outbox SET not_before_ms = not_before_ms - $1`, lease.Milliseconds()); err != nil {
					t.Fatal(err)
				}
				if err := h.handle(t.Context(), tick); err != nil {
					t.Fatal(err)
				}
				wantIDs(t, "sent after the lease", published(t, kafka), []string{"a"})
				wantIDs(t, "left after the lease", left(t, s.DB), nil)
			})
		})
	}
}

// A Kafka that takes a request and never answers does not hold the relay up
// beyond its time.
func TestFrozenKafka(t *testing.T) {
	s := eventtest.Embedded(t)
	insert(t, s.DB, "a", topic, -time.Second)
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	thaw := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-thaw })
		return nil, nil, false
	})
	kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	defer close(thaw)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	returned := make(chan error, 1)
	go func() {
		returned <- handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}.handle(ctx, eventtest.Load(t, "tick.json"))
	}()
	select {
	case err := <-returned:
		if eventtest.Fate(err) != "again" || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("fate of a tick with Kafka frozen: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("still waiting for Kafka")
	}
	wantIDs(t, "left", left(t, s.DB), []string{"a"})
}

// With more due than the time allows the relay stops between two batches.
func TestStopsBeforeItsTimeEnds(t *testing.T) {
	s, kafka := eventtest.Embedded(t), eventtest.Kafka(t, topic)
	for i := range batch + 1 {
		insert(t, s.DB, fmt.Sprintf("%04d", i), topic, -time.Minute+time.Duration(i)*time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(t.Context(), lease)
	defer cancel()
	if err := (handler{&shared.Outbox{Kafka: kafka, DB: s.DB}}).handle(ctx, eventtest.Load(t, "tick.json")); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "left", left(t, s.DB), []string{"0500"})
}

func TestSQLAway(t *testing.T) {
	h := handler{&shared.Outbox{Kafka: eventtest.Kafka(t, topic), DB: eventtest.SQLAway(t)}}
	if err := h.handle(t.Context(), eventtest.Load(t, "tick.json")); eventtest.Fate(err) != "again" {
		t.Errorf("fate %q: %v", eventtest.Fate(err), err)
	}
}

const insertion = `INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ($1, $2, $3, $4, $5)`

func insert(t *testing.T, db *sql.DB, id, topic string, dueIn time.Duration) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), insertion, id, topic, "key of "+id, fmt.Sprintf(`{"id":%q}`, id), time.Now().Add(dueIn).UnixMilli())
	if err != nil {
		t.Fatal(err)
	}
}

func beginUnlessSQLite(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !isPostgres(c) {
		return nil
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// poll returns the n records that come next, and whatever came with them.
func poll(t *testing.T, kafka *kgo.Client, n int) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(records) < n {
		fetches := kafka.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("%d records, want %d", len(records), n)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// published returns the ids of all records that were not yet polled: those
// before one that it sends itself, in the only partition.
func published(t *testing.T, kafka *kgo.Client) (ids []string) {
	t.Helper()
	if err := kafka.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("end")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for {
		for _, r := range poll(t, kafka, 1) {
			if string(r.Key) == "end" {
				return ids
			}
			ids = append(ids, strings.TrimPrefix(string(r.Key), "key of "))
		}
	}
}

func left(t *testing.T, db *sql.DB) (ids []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT id FROM outbox`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func wantIDs(t *testing.T, what string, got, want []string) {
	t.Helper()
	got = slices.Sorted(slices.Values(got))
	if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("%s: %d rows %.200v, want %d: %.200v", what, len(got), got, len(want), want)
	}
}
