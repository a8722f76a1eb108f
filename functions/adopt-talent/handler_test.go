package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const topic = "new_talent_events"

func TestHandle(t *testing.T) {
	const first = "9001 v1 of 0 in music: 기타 레슨, 0 won, [], open, 1795338000120"
	for _, tc := range []struct {
		name   string
		events []string // testdata: what arrives, in order
		fate   string   // of the last event
		rows   []string // in talents
		told   []string // subjects of the events in Kafka
	}{
		{name: "adopts_a_number", events: []string{"number"}, fate: "done", rows: []string{first}, told: []string{"talent/9001"}},
		{name: "adopts_a_string_of_digits", events: []string{"string"}, fate: "done", told: []string{"talent/9001"},
			rows: []string{"9001 v1 of 0 in music: 기타 레슨 (사본), 0 won, [], open, 1795338001000"}},
		{name: "ignores_what_it_does_not_know", events: []string{"fuller"}, fate: "done", rows: []string{first}, told: []string{"talent/9001"}},
		{name: "lets_the_first_copy_count", events: []string{"number", "string", "fuller"}, fate: "done", rows: []string{first}, told: []string{"talent/9001"}},
		{name: "tells_once_of_ten_deliveries", events: slices.Repeat([]string{"number"}, 10), fate: "done", rows: []string{first}, told: []string{"talent/9001"}},
		{name: "knows_a_talent_by_its_own_id", events: []string{"number", "same-id-after-remake"}, fate: "done", told: []string{"talent/9001", "talent/9002"},
			rows: []string{first, "9002 v1 of 0 in music: Piano lessons, 0 won, [], open, 1795341600000"}},
		{name: "lets_a_cloudevent_pass", events: []string{"cloudevent"}, fate: "done"},
		{name: "lets_its_own_event_pass", events: []string{"registered-9001"}, fate: "done"},
		{name: "lets_another_message_pass", events: []string{"other-type"}, fate: "done"},
		{name: "gives_up_on_what_was_meant_as_a_cloudevent", events: []string{"broken-cloudevent"}, fate: "dead letter"},
		{name: "gives_up_on_a_tombstone", events: []string{"no-data"}, fate: "dead letter"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				h, kafka := start(t, s.DB)
				var err error
				for _, name := range tc.events {
					err = h.handle(t.Context(), eventtest.Load(t, name+".json"))
				}

				if got := eventtest.Fate(err); got != tc.fate {
					t.Errorf("fate %q, want %q (err: %v)", got, tc.fate, err)
				}
				if got := talents(t, s.DB); !slices.Equal(got, tc.rows) {
					t.Errorf("talents %q, want %q", got, tc.rows)
				}
				var told []string
				for _, e := range published(t, kafka) {
					told = append(told, e.Subject())
				}
				if !slices.Equal(told, tc.told) {
					t.Errorf("told of %q, want %q", told, tc.told)
				}
			})
		})
	}
}

func TestEvent(t *testing.T) {
	for _, name := range []string{"number", "fuller"} {
		h, kafka := start(t, eventtest.Embedded(t).DB)
		in := eventtest.Load(t, name+".json")
		if err := h.handle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		got, want := published(t, kafka)[0], eventtest.Load(t, "registered-9001.json")
		want.SetID(got.ID())
		want.SetExtension("causationid", in.ID())
		want.SetExtension("traceparent", got.Extensions()["traceparent"])
		want.SetSource(got.Source()) // the outbox's, which a test cannot name
		if got.String() != want.String() {
			t.Errorf("%s: event\n%s\nwant\n%s", name, got, want)
		}
	}
}

// Copies that arrive at the same instant are one talent and one event.
func TestCopiesAtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h, kafka := start(t, s.DB)
		var deliveries sync.WaitGroup
		for i := range 10 {
			deliveries.Go(func() {
				if err := h.handle(t.Context(), eventtest.Load(t, []string{"number.json", "string.json"}[i%2])); err != nil {
					t.Error(err)
				}
			})
		}
		deliveries.Wait()
		rows, events := talents(t, s.DB), published(t, kafka)
		if len(rows) != 1 || len(events) != 1 {
			t.Fatalf("%d talents, %d events, want one of each", len(rows), len(events))
		}
		if ms := fmt.Sprint(events[0].Time().UnixMilli()); !strings.HasSuffix(rows[0], ms) {
			t.Errorf("talent %s, event of %s", rows[0], ms)
		}
	})
}

func TestMessages(t *testing.T) {
	const (
		id       = "talent_id must be an integer from 1 to 2^53-1, as a number or as digits in a string"
		title    = "title must be 1 to 120 characters, none of them invisible"
		category = "category must be 1 to 64 of a-z, 0-9 and -"
		decode   = "decode dev.knative.kafka.event: "
		object   = "the message is not a JSON object"
		garbled  = decode + " not JSON that can be read in one way only"
	)
	message := func(id, title, category string) string {
		return `{"type":"new_talent","talent_id":` + id + `,"title":` + title + `,"category":` + category + `}`
	}
	for _, tc := range []struct{ name, message, reason string }{ // no reason: adopted
		{"largest_id", message(`9007199254740991`, `"a"`, `"b"`), ""},
		{"largest_id_in_text", message(`"9007199254740991"`, `"a"`, `"b"`), ""},
		{"digits_written_otherwise", message(`"\u0037"`, `"a"`, `"b"`), ""},
		{"longest_title", message(`1`, `"`+strings.Repeat("솜", 120)+`"`, `"b"`), ""},
		{"markup_is_text", message(`1`, `"<script>'; DROP TABLE talents;--"`, `"b"`), ""},
		{"longest_category", message(`1`, `"a"`, `"`+strings.Repeat("b", 64)+`"`), ""},
		{"id_missing", `{"type":"new_talent","title":"a","category":"b"}`, id},
		{"id_null", message(`null`, `"a"`, `"b"`), id},
		{"id_zero", message(`0`, `"a"`, `"b"`), id},
		{"id_negative", message(`-1`, `"a"`, `"b"`), id},
		{"id_too_large", message(`9007199254740992`, `"a"`, `"b"`), id},
		{"id_far_too_large", message(`1e400`, `"a"`, `"b"`), id},
		{"id_with_fraction", message(`1.0`, `"a"`, `"b"`), id},
		{"id_signed_text", message(`"+1"`, `"a"`, `"b"`), id},
		{"id_blank_text", message(`" 1"`, `"a"`, `"b"`), id},
		{"id_empty_text", message(`""`, `"a"`, `"b"`), id},
		{"id_hex_text", message(`"0x1"`, `"a"`, `"b"`), id},
		{"id_other_digits", message(`"١"`, `"a"`, `"b"`), id},
		{"id_too_large_text", message(`"9007199254740992"`, `"a"`, `"b"`), id},
		{"id_object", message(`{"id":1}`, `"a"`, `"b"`), id},
		{"id_list", message(`[1]`, `"a"`, `"b"`), id},
		{"id_true", message(`true`, `"a"`, `"b"`), id},
		{"title_missing", `{"type":"new_talent","talent_id":1,"category":"b"}`, title},
		{"title_blank", message(`1`, `" \t "`, `"b"`), title},
		{"title_too_long", message(`1`, `"`+strings.Repeat("솜", 121)+`"`, `"b"`), title},
		{"title_with_nul", message(`1`, `"a\u0000b"`, `"b"`), title},
		{"title_turning_round", message(`1`, `"a\u202eb"`, `"b"`), title},
		{"title_of_two_lines", message(`1`, `"a\nb"`, `"b"`), title},
		{"title_a_number", message(`1`, `5`, `"b"`), decode + "title must be of type string"},
		{"category_missing", `{"type":"new_talent","talent_id":1,"title":"a"}`, category},
		{"category_in_capitals", message(`1`, `"a"`, `"Music"`), category},
		{"category_too_long", message(`1`, `"a"`, `"`+strings.Repeat("b", 65)+`"`), category},
		{"category_of_two_lines", message(`1`, `"a"`, `"b\n"`), category},
		{"category_a_pattern", message(`1`, `"a"`, `"*"`), category},
		{"category_a_list", message(`1`, `"a"`, `["b"]`), decode + "category must be of type string"},
		{"type_missing", `{"talent_id":1,"title":"a","category":"b"}`, "type is missing"},
		{"type_a_number", `{"type":1,"talent_id":1,"title":"a","category":"b"}`, decode + "type must be of type string"},
		{"no_json", `talent_id=1&title=a`, object},
		{"nothing", ``, object},
		{"cut_short", `{"type":"new_talent","talent_id":1,"title":"a"`, garbled},
		{"two_messages", message(`1`, `"a"`, `"b"`) + message(`2`, `"a"`, `"b"`), garbled},
		{"id_twice", `{"type":"new_talent","talent_id":1,"talent_id":2,"title":"a","category":"b"}`, garbled},
		{"bad_utf8", message(`1`, "\"a\xff\"", `"b"`), garbled},
		{"half_a_character", message(`1`, `"\ud83d"`, `"b"`), garbled},
		{"utf16", "\xff\xfe{\x00}\x00", object},
		{"a_list", `[` + message(`1`, `"a"`, `"b"`) + `]`, object},
		{"null", `null`, object},
		{"byte_order_mark", "\ufeff" + message(`1`, `"a"`, `"b"`), object},
		{"deep_inside", `{"type":"new_talent","more":` + strings.Repeat("[", 60_000), garbled},
		{"deep", strings.Repeat("[", 60_000), object},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, kafka := start(t, eventtest.Embedded(t).DB)
			in := eventtest.Load(t, "number.json")
			in.DataEncoded = []byte(tc.message)

			err := h.handle(t.Context(), in)

			if tc.reason == "" {
				if err != nil || len(published(t, kafka)) != 1 {
					t.Errorf("not adopted: %v", err)
				}
				return
			}
			if eventtest.Fate(err) != "dead letter" || err.Error() != tc.reason {
				t.Errorf("%s: %v, want %s", eventtest.Fate(err), err, tc.reason)
			}
			if got := talents(t, h.outbox.DB); len(got) != 0 {
				t.Errorf("talents %q", got)
			}
		})
	}
}

// The outcome is the same where a message is no JSON by its header: producers
// write all sorts of content types.
func TestContentTypes(t *testing.T) {
	for _, media := range []string{"", "application/json", "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"} {
		h, kafka := start(t, eventtest.Embedded(t).DB)
		in := eventtest.Load(t, "number.json")
		in.SetDataContentType(media)
		if err := h.handle(t.Context(), in); err != nil || len(published(t, kafka)) != 1 {
			t.Errorf("%q: not adopted: %v", media, err)
		}
	}
}

func TestTime(t *testing.T) {
	for name, at := range map[string]time.Time{"none": {}, "of_the_future": time.Now().AddDate(1, 0, 0)} {
		t.Run(name, func(t *testing.T) {
			h, kafka := start(t, eventtest.Embedded(t).DB)
			in := eventtest.Load(t, "number.json")
			in.SetTime(at)
			before := time.Now().Truncate(time.Millisecond)
			if err := h.handle(t.Context(), in); err != nil {
				t.Fatal(err)
			}
			got := published(t, kafka)[0].Time()
			if got.Before(before) || got.After(time.Now()) || !got.Equal(got.Truncate(time.Millisecond)) {
				t.Errorf("registered at %v, want now in whole milliseconds", got)
			}
			if row := talents(t, h.outbox.DB)[0]; !strings.HasSuffix(row, fmt.Sprint(got.UnixMilli())) {
				t.Errorf("talent %s, event of %d", row, got.UnixMilli())
			}
		})
	}
}

// With Kafka away the event waits in the outbox, and the message is done.
func TestKafkaAway(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		away, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(away.Close)
		h := handler{&shared.Outbox{Kafka: away, DB: s.DB}}
		for range 2 {
			if err := h.handle(t.Context(), eventtest.Load(t, "number.json")); err != nil {
				t.Fatal(err)
			}
		}
		var n int
		var key, to string
		err = s.DB.QueryRowContext(t.Context(), `SELECT count(*), min(key), min(topic) FROM outbox`).Scan(&n, &key, &to)
		if err != nil || n != 1 || key != "9001" || to != topic {
			t.Errorf("%d rows in the outbox, key %s, topic %s: %v", n, key, to, err)
		}
	})
}

// A talent whose event could not be written is not there either.
func TestOutboxAway(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		if _, err := s.DB.ExecContext(t.Context(), `ALTER TABLE outbox RENAME TO away`); err != nil {
			t.Fatal(err)
		}
		h, _ := start(t, s.DB)
		if err := h.handle(t.Context(), eventtest.Load(t, "number.json")); eventtest.Fate(err) != "again" {
			t.Errorf("fate %q: %v", eventtest.Fate(err), err)
		}
		if got := talents(t, s.DB); len(got) != 0 {
			t.Errorf("talents %q", got)
		}
	})
}

func TestSQLAway(t *testing.T) {
	h, _ := start(t, eventtest.SQLAway(t))
	if err := h.handle(t.Context(), eventtest.Load(t, "number.json")); eventtest.Fate(err) != "again" {
		t.Errorf("fate %q: %v", eventtest.Fate(err), err)
	}
	if err := h.handle(t.Context(), eventtest.Load(t, "other-type.json")); err != nil {
		t.Errorf("a message that is not ours waits for SQL: %v", err)
	}
}

func start(t *testing.T, db *sql.DB) (handler, *kgo.Client) {
	t.Helper()
	kafka := eventtest.Kafka(t, topic)
	h := handler{&shared.Outbox{Kafka: kafka, DB: db}}
	t.Cleanup(h.outbox.Close)
	return h, kafka
}

// published are the events in Kafka, told apart from one more record that
// is sent after them to the only partition.
func published(t *testing.T, kafka *kgo.Client) (events []event.Event) {
	t.Helper()
	if err := kafka.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("end")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		for _, r := range kafka.PollFetches(ctx).Records() {
			if string(r.Key) == "end" {
				return events
			}
			var e event.Event
			if err := e.UnmarshalJSON(r.Value); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
	}
	t.Fatal("Kafka did not answer")
	return nil
}

func talents(t *testing.T, db *sql.DB) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms FROM talents ORDER BY talent_id`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, version, seller, price, registered, changed int64
		var category, title, tags, state string
		if err := rows.Scan(&id, &version, &seller, &category, &title, &price, &tags, &state, &registered, &changed); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(time.UnixMilli(changed)); age < -time.Millisecond || age > time.Minute {
			t.Errorf("talent %d changed %v ago, want just now, as SQL was written then", id, age)
		}
		all = append(all, fmt.Sprintf("%d v%d of %d in %s: %s, %d won, %s, %s, %d", id, version, seller, category, title, price, tags, state, registered))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
