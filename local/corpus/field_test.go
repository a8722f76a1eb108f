package corpus

import (
	"testing"
)

// field sends a good message with a row's field in each form, by each door.
func (h *house) field(t *testing.T, r row) {
	of := r.Forms
	if of == nil {
		of = forms[r.Field]
	}
	for _, form := range of {
		if form == "talent" {
			h.register(t, r)
			continue
		}
		functions, kind := reads[r.Field], "somssi.talent.registered.v1"
		if form == "plain" {
			functions, kind = []string{"adopt-talent"}, "dev.knative.kafka.event"
		}
		for _, function := range functions {
			for _, door := range []string{"binary", "structured"} {
				m := h.registered()
				m.attributes["type"] = text(kind)
				id := h.number
				m.data = r.broken(form, id)
				lines, body := m.binary(), m.data
				if door == "structured" {
					lines, body = "Content-Type: application/cloudevents+json\r\n", m.structured()
				}
				h.event(t, r, door, function, lines, body)
				if form == "plain" && r.want(door) == "accepted" {
					h.adopted(t, r, id)
				}
			}
		}
		m := h.registered()
		id := h.number
		m.data = r.broken(form, id)
		record := m.kafka()
		if form == "plain" {
			record.Headers = nil
		}
		h.produce(t, r, "kafka", record)
		if form == "plain" && r.want("kafka") == "accepted" {
			h.adopted(t, r, id)
		}
	}
}

// adopted is that a plain message's talent is what it said, in the form that is stored.
func (h *house) adopted(t *testing.T, r row, id int64) {
	t.Helper()
	var title, category string
	if err := h.db.QueryRowContext(t.Context(), `SELECT title, category FROM talents WHERE talent_id = $1`, id).Scan(&title, &category); err != nil {
		t.Errorf("talent %d: %v", id, err)
		return
	}
	if want, ok := r.stored(); ok && want != map[string]string{"title": title, "category": category}[r.Field] && r.Field != "talent_id" {
		t.Errorf("stored as title %q and category %q, want %q", title, category, want)
	}
}
