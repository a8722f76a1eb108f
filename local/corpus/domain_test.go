package corpus

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"somssi/shared/eventtest/seeds"
)

// forms are the messages that have a field.
var forms = map[string][]string{
	"category": {"talent", "plain", "registered"}, "title": {"talent", "plain"}, "priceKrw": {"talent"}, "tags": {"talent"},
	"talentId": {"registered"}, "version": {"registered"}, "at": {"registered"}, "talent_id": {"plain"},
}

// reads are the functions that read a field of an event.
var reads = map[string][]string{
	"category": {"notify-interested", "update-stats"}, "at": {"notify-interested", "update-stats"}, "sellerId": {"notify-interested"},
	"talentId": {"notify-interested", "update-stats", "evict-cache"}, "version": {"evict-cache"},
}

type member struct{ name, value string }

// good is a message that is taken, as members of a JSON object.
func good(form string, id int64) []member {
	title, category := member{"title", `"corpus"`}, member{"category", `"corpus"`}
	switch form {
	case "talent":
		return []member{category, title, {"priceKrw", "1000"}, {"tags", "[]"}}
	case "plain":
		return []member{{"type", `"new_talent"`}, {"talent_id", fmt.Sprint(id)}, title, category}
	}
	return []member{{"talentId", fmt.Sprint(id)}, {"version", "1"}, {"sellerId", "7"}, category, title, {"priceKrw", "1000"}, {"tags", "[]"}, {"at", `"2026-01-02T03:04:05.000Z"`}}
}

// broken is that message with the row's field.
func (r row) broken(form string, id int64) []byte {
	value := string(r.Raw)
	switch {
	case r.Digits:
		value = fmt.Sprintf(`"%d"`, id)
	case r.Raw == nil && !r.Missing:
		value = string(asJSON(r.Value))
	}
	name := r.Field
	if r.As != "" {
		name = r.As
	}
	all := good(form, id)
	i := slices.IndexFunc(all, func(m member) bool { return m.name == r.Field })
	switch {
	case i < 0:
		all = append(all, member{name, value})
	case r.Missing:
		all = slices.Delete(all, i, i+1)
	case r.Twice:
		all = append(all, member{name, value})
	case r.Beside != "":
		all = append(all, member{r.Beside, value})
	default:
		all[i] = member{name, value}
	}
	written := make([]string, len(all))
	for i, m := range all {
		written[i] = fmt.Sprintf(`"%s":%s`, m.name, m.value)
	}
	return []byte("{" + strings.Join(written, ",") + "}")
}

// stored is the text that an accepted row leaves, if it is a text.
func (r row) stored() (string, bool) {
	var t seeds.Text
	switch {
	case r.Stored != nil:
		return string(r.Stored), true
	case r.Value != nil && json.Unmarshal(asJSON(r.Value), new(string)) == nil && r.Value[0] != 'n':
		_ = json.Unmarshal(r.Value, &t)
		return string(t), true
	}
	return "", false
}

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

// register is the door of a seller.
func (h *house) register(t *testing.T, r row) {
	t.Helper()
	was := h.calm(t)
	h.tally["api"]++
	body := r.broken("talent", h.next())
	a := exchange(t, h.address("gateway"), fmt.Sprintf("POST /talents HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		h.forge(t, forged{Claims: map[string]any{"sub": "41"}}), len(body), body), "", "", 10*time.Second)
	verdict := "refused"
	var got struct {
		TalentID int64
		Errors   []struct{ Field, Reason string }
	}
	err := json.Unmarshal([]byte(a.body), &got)
	switch a.status {
	case 201:
		verdict, h.dirty = "accepted", true
	case 422:
		name := r.Field
		if r.As != "" {
			name = r.As
		}
		if err != nil || len(got.Errors) == 0 || !slices.ContainsFunc(got.Errors, func(e struct{ Field, Reason string }) bool {
			return strings.HasPrefix(e.Field, name) || strings.HasPrefix(e.Field, r.Field) || e.Field == r.Beside
		}) {
			t.Errorf("api: the answer does not name %s: %.300s", name, a.body)
		}
	case 400, 413:
	default:
		t.Errorf("api: answered %d %.200s", a.status, a.body)
	}
	if want := r.want("api"); verdict != want {
		t.Errorf("api: %s by %d %.200s, want %s", verdict, a.status, a.body, want)
	}
	h.owed["register-talent"]++
	h.logged(t, "register-talent")
	if verdict == "refused" {
		h.nothingWritten(t, was, 0)
	} else {
		h.settled(t)
		h.shown(t, r, got.TalentID)
	}
	h.good(t, "gateway")
}

// shown is that a registered talent comes back as it is stored: to anybody who
// reads it, and as one frame of a follower's stream.
func (h *house) shown(t *testing.T, r row, id int64) {
	t.Helper()
	h.owed["register-talent"]++
	a := exchange(t, h.address("gateway"), fmt.Sprintf("GET /talents/%d HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", id), "", "", 10*time.Second)
	var got map[string]any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("shown as %s %.300s: %v", a.header.Get("Content-Type"), a.body, err)
	}
	want, ok := r.stored()
	if ok && got[r.Field] != want {
		t.Errorf("shown as %q, want %q", got[r.Field], want)
	}
	if category, _ := got["category"].(string); category == "corpus" {
		title, _ := got["title"].(string)
		h.stream(t).told(t, id, title)
	}
}
