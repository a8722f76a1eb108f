package harness

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"somssi/local/source"
	"somssi/local/template"
)

// reason fills in what each trigger of the template did with the event.
func (h *Harness) reason(ctx context.Context, w *Why) {
	running := h.running()
	for _, name := range h.house.Names() {
		triggers := h.house.Functions[name].Triggers
		if len(triggers) == 0 {
			w.add(Reason{Function: name, Kind: "none", Said: "has no trigger: events come to it as a dead letter sink only"})
		}
		for _, label := range slices.Sorted(maps.Keys(triggers)) {
			r := Reason{Function: name, Trigger: label}
			if i := slices.IndexFunc(running, func(t *trigger) bool { return t.Function == name && t.Name == label }); i >= 0 {
				r.of = running[i]
			}
			r.describe(triggers[label], w.Topic)
			w.add(r)
		}
	}
	slices.SortFunc(w.Triggers, func(a, b Reason) int {
		return strings.Compare(a.Function+"/"+a.Trigger, b.Function+"/"+b.Trigger)
	})
	for i := range w.Triggers {
		if r := &w.Triggers[i]; r.Reads {
			h.explain(ctx, r, w)
		}
	}
}

// add takes what the template says into the reason that deliveries made, if any.
func (w *Why) add(r Reason) {
	for i := range w.Triggers {
		if known := &w.Triggers[i]; known.Function == r.Function && known.Trigger == r.Trigger {
			known.Kind, known.of = r.Kind, r.of
			return
		}
	}
	w.Triggers = append(w.Triggers, r)
}

// describe says whether a trigger reads the topic at all.
func (r *Reason) describe(spec template.Trigger, topic string) {
	switch {
	case spec.HTTP != nil:
		r.Kind, r.Said = "http", "is set off by requests to "+spec.HTTP.Path
	case spec.Cron != nil:
		r.Kind, r.Said = "cron", "is set off by the clock: "+spec.Cron.Schedule
	case r.of == nil:
		r.Kind, r.Said = "kafka", "its source is not running"
	default:
		r.Kind = "kafka"
		if r.of.config.Trigger {
			r.Kind = "broker"
		}
		if r.Reads = slices.Contains(r.of.config.Topics, topic); !r.Reads {
			r.Said = fmt.Sprintf("does not read %s: it reads %s", topic, strings.Join(r.of.config.Topics, ", "))
		}
	}
}

// explain puts words to the deliveries of a trigger, and to what is in flight.
func (h *Harness) explain(ctx context.Context, r *Reason, w *Why) {
	var now Source
	if r.of != nil {
		now = r.of.status(ctx)
	}
	for i := range r.Deliveries {
		d := &r.Deliveries[i]
		d.Attempts = explainAttempts(r.of, d.Delivery.Attempts, true)
		d.Verdict, d.Commit = verdict(&d.Delivery), commit(r.of, &d.Delivery, now)
		var next time.Time
		if i+1 < len(r.Deliveries) {
			next = r.Deliveries[i+1].At
		}
		d.Caused = h.caused(&d.Delivery, next)
		if d.Redrive { // whose failures go nowhere
			for n := range d.Attempts {
				if d.Fate != source.Done {
					d.Attempts[n].Why = "not taken, and sent nowhere else"
				}
			}
		}
		if !d.Replay || d.Redrive && d.Fate == source.Done || r.Said == "" {
			r.Said = d.Verdict
		}
	}
	for _, f := range now.InFlight {
		if f.Topic == w.Topic && slices.Contains(w.Records, Record{f.Partition, f.Offset}) {
			one := InFlight{Flight: f, Attempts: explainAttempts(r.of, f.Attempts, false)}
			one.Verdict = standing(r.of, f)
			r.InFlight = append(r.InFlight, one)
			r.Said = one.Verdict
		}
	}
	if since := r.failed(); !since.IsZero() && w.Event != "" {
		r.Log = h.logged(r.Function, w.Event, since)
	}
	if r.Said == "" {
		r.Said = absent(r.of, w, now)
	}
}

// failed is when the first delivery began that the function did not take at once.
func (r *Reason) failed() (since time.Time) {
	look := func(d *Delivery) {
		refused := slices.ContainsFunc(d.Attempts, func(a Attempt) bool { return !a.Dead && a.Status >= 300 })
		if refused && (since.IsZero() || d.At.Before(since)) {
			since = d.At
		}
	}
	for i := range r.Deliveries {
		look(&r.Deliveries[i].Delivery)
	}
	for i := range r.InFlight {
		look(&r.InFlight[i].Delivery)
	}
	return since
}

// absent is why a trigger that reads the topic has nothing of the event.
func absent(of *trigger, w *Why, now Source) string {
	for _, at := range w.Records {
		p := now.partition(w.Topic, at.Partition)
		switch {
		case p == nil:
		case p.Position > at.Offset:
			return fmt.Sprintf("nothing known: it stands at offset %d already, and this is %d. It was done with before the history begins, or before the group began", p.Position, at.Offset)
		default:
			return fmt.Sprintf("not reached yet: this is offset %d, and %s", at.Offset, now.holder(of, p))
		}
	}
	return "nothing known: its source has no such partition now"
}

func (s Source) partition(topic string, number int32) *Partition {
	for i := range s.Partitions {
		if p := &s.Partitions[i]; p.Topic == topic && p.Partition == number {
			return p
		}
	}
	return nil
}

// holder is what stands at the lowest unfinished offset of a partition.
func (s Source) holder(of *trigger, p *Partition) string {
	for _, f := range s.InFlight {
		if f.Topic == p.Topic && f.Partition == p.Partition && f.Offset == p.Position {
			return fmt.Sprintf("event %s at offset %d comes first: %s", f.Event, f.Offset, standing(of, f))
		}
	}
	return fmt.Sprintf("the lowest unfinished offset is %d", p.Position)
}
