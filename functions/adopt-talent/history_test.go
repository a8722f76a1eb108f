package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cloudevents/sdk-go/v2/event"

	"somssi/shared"
	"somssi/shared/eventtest"
)

// However its messages are delivered, and whether Kafka got its event or it
// still waits, each talent is adopted from one of its copies, and told of with
// one event that says what SQL does.
func TestHistory(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		flaky, faults := eventtest.Flaky(t, s)
		h, kafka := start(t, flaky.DB)
		h.outbox = &shared.Outbox{Kafka: h.outbox.Kafka, DB: flaky.DB}
		eventtest.Seeds(t, 120, func(t *testing.T, r *rand.Rand) {
			for _, table := range []string{"talents", "outbox"} {
				if _, err := s.DB.ExecContext(t.Context(), "DELETE FROM "+table); err != nil {
					t.Fatal(err)
				}
			}
			want := map[string]bool{} // what may be told of
			var messages []event.Event
			talentIDs := map[int]bool{}
			for range 1 + r.IntN(8) {
				id, title := 1+r.IntN(4), fmt.Sprintf("copy %d", r.IntN(3))
				in := eventtest.Load(t, "number.json")
				in.SetID(fmt.Sprintf("partition:0/offset:%d", r.IntN(3))) // which repeats after its topic is made again
				in.DataEncoded = fmt.Appendf(nil, `{"type":"new_talent","talent_id":%d,"title":%q,"category":"music"}`, id, title)
				messages = append(messages, in)
				want[fmt.Sprintf("%d %s", id, title)], talentIDs[id] = true, true
			}

			eventtest.Deliver(t, r, faults, messages, func(e event.Event) error { return h.handle(t.Context(), e) })

			if err := h.outbox.Kafka.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			told := map[string]string{} // by id: what is told of is in Kafka, in the outbox, or in both
			for _, e := range append(published(t, kafka), waiting(t, s)...) {
				var data struct {
					TalentID int
					Title    string
				}
				if err := json.Unmarshal(e.Data(), &data); err != nil {
					t.Fatal(err)
				}
				told[e.ID()] = fmt.Sprintf("%d %s", data.TalentID, data.Title)
			}
			var events, rows []string
			for _, what := range told {
				events = append(events, what)
				if !want[what] {
					t.Errorf("told of %s, which nobody sent", what)
				}
			}
			for _, row := range talents(t, s.DB) {
				id, rest, _ := strings.Cut(row, " ")
				_, title, _ := strings.Cut(rest, ": ")
				title, _, _ = strings.Cut(title, ",")
				rows = append(rows, id+" "+title)
			}
			slices.Sort(events)
			slices.Sort(rows)
			if !slices.Equal(events, rows) || len(rows) != len(talentIDs) {
				t.Errorf("told of %v, adopted %v, want %d", events, rows, len(talentIDs))
			}
		})
	})
}

// waiting are the events in the outbox.
func waiting(t *testing.T, s eventtest.Stores) (events []event.Event) {
	t.Helper()
	rows, err := s.DB.QueryContext(t.Context(), `SELECT event FROM outbox`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		var e event.Event
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}
