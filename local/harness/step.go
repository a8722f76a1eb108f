package harness

import (
	"context"
	"net/http"
	"slices"
	"time"

	"somssi/local/source"
	"somssi/shared"
)

// Step is what a step let through, and what came of it.
type Step struct {
	Let    *Flight   `json:"let"`             // as it was held; null where nothing was
	Became *Delivery `json:"became,omitzero"` // its fate, where it was known in time
	Now    *Flight   `json:"now,omitzero"`    // where it stands, where not
}

func (h *Harness) step(w http.ResponseWriter, r *http.Request) {
	wait := 2 * time.Second
	if text := r.FormValue("wait"); text != "" {
		var err error
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 || wait > time.Minute {
			refuse(w, http.StatusBadRequest, "wait takes a duration of at most 1m, such as 500ms")
			return
		}
	}
	t := h.asked(w, r)
	if t == nil {
		return
	}
	let := firstHeld(t)
	switch {
	case let == nil && !t.status(r.Context()).Paused:
		refuse(w, http.StatusConflict, t.String()+" is not paused: pause it first")
	case let == nil || !t.source.Step():
		shared.WriteJSON(w, http.StatusOK, Step{})
	default:
		one := t.flight(*let)
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		became, now := h.outcome(ctx, t, *let)
		shared.WriteJSON(w, http.StatusOK, Step{Let: &one, Became: became, Now: now})
	}
}

// firstHeld is the event that a step lets through: the one held longest.
func firstHeld(t *trigger) (first *source.Flight) {
	for _, f := range t.source.InFlight() {
		if f.State == source.Held && (first == nil || f.Since.Before(first.Since)) {
			first = &f
		}
	}
	return first
}

// outcome waits until the attempt that was let through has come to something:
// the event's fate, or its next place.
func (h *Harness) outcome(ctx context.Context, t *trigger, let source.Flight) (became *Delivery, now *Flight) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		same := func(f source.Flight) bool {
			return f.Topic == let.Topic && f.Partition == let.Partition && f.Offset == let.Offset
		}
		flights := t.source.InFlight() // before the history, or it might be in neither
		if i := slices.IndexFunc(flights, same); i >= 0 {
			f := t.flight(flights[i])
			if len(f.Attempts) > len(let.Attempts) && f.State != source.Attempting {
				return nil, &f
			}
			now = &f
		} else if became = h.last(t, let); became != nil {
			return became, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, now
		}
	}
}

// last is the newest delivery of a record at a trigger, if it began with that flight.
func (h *Harness) last(t *trigger, f source.Flight) *Delivery {
	rows := h.History.After(0)
	for i := len(rows) - 1; i >= 0; i-- {
		d := &rows[i]
		if d.Function == t.Function && d.Trigger == t.Name && d.Topic == f.Topic && d.Partition == f.Partition && d.Offset == f.Offset && !d.Replay {
			return d
		}
	}
	return nil
}
