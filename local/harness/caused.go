package harness

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Caused is an event that came of another one.
type Caused struct {
	Event  string   `json:"event"`
	Type   string   `json:"type"`
	Topic  string   `json:"topic,omitzero"` // none where nobody has read it yet
	By     string   `json:"by"`             // reply, cause (its causationid) or trace (the same)
	Fates  []Fate   `json:"fates"`
	Caused []Caused `json:"caused"`
}

// Fate is what one trigger did with it.
type Fate struct {
	Function string `json:"function"`
	Trigger  string `json:"trigger"`
	Fate     string `json:"fate"`
	Verdict  string `json:"verdict"`
}

// tree walks from events to what they caused, in the rows that it has.
type tree struct {
	rows []Delivery
	seen map[string]bool // or a circle would be walked for ever
}

// caused is the tree of the events that came of a delivery, before the next one
// of the same event to the same function; zero is that there is none.
func (h *Harness) caused(d *Delivery, next time.Time) []Caused {
	rows := h.History.After(0)
	if len(rows) > 0 && d.Number < rows[0].Number { // what came of it may be as old
		if older, err := h.History.Find(d.Event, func(*Delivery) bool { return true }); err == nil {
			rows = older
		}
	}
	if !next.IsZero() {
		rows = slices.DeleteFunc(slices.Clone(rows), func(row Delivery) bool { return !row.At.Before(next) })
	}
	t := tree{rows, map[string]bool{d.Event: true}}
	return t.caused(d)
}

func (t *tree) caused(d *Delivery) (all []Caused) {
	if d.Reply != nil && !t.seen[d.Reply.ID] {
		all = append(all, Caused{Event: d.Reply.ID, Type: d.Reply.Type, By: "reply"})
	}
	for i := range t.rows {
		row := &t.rows[i]
		by := t.relation(d, row)
		if by != "" && !slices.ContainsFunc(all, func(c Caused) bool { return c.Event == row.Event }) {
			all = append(all, Caused{Event: row.Event, Type: row.Type, By: by})
		}
	}
	for i := range all {
		t.seen[all[i].Event] = true
	}
	for i := range all {
		t.follow(&all[i])
	}
	return all
}

// relation is how the event of a row came of a delivery: its function published
// it, which its source says, and it names the event or goes on with its trace.
func (t *tree) relation(d, row *Delivery) string {
	switch {
	case row.Event == "" || t.seen[row.Event] || row.At.Before(d.At) || !strings.HasSuffix(row.Source, "/"+d.Function):
		return ""
	case row.Cause != "" && row.Cause == d.Event:
		return "cause"
	case row.Cause == "" && row.Trace != "" && row.Trace == d.Trace:
		return "trace"
	}
	return ""
}

// follow says what became of a caused event, and what that caused.
func (t *tree) follow(c *Caused) {
	for i := range t.rows {
		if row := &t.rows[i]; row.Event == c.Event && !row.Replay {
			c.Topic = row.Topic
			c.Fates = append(c.Fates, Fate{row.Function, row.Trigger, row.Fate, verdict(row)})
			c.Caused = append(c.Caused, t.caused(row)...)
		}
	}
	slices.SortStableFunc(c.Fates, func(a, b Fate) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Trigger, b.Trigger))
	})
}
