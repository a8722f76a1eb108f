package harness

import (
	"context"
	"net/http"
	"time"

	"somssi/local/source"
	"somssi/shared"
)

// Source is what the source of one trigger is doing.
type Source struct {
	Function   string      `json:"function"`
	Trigger    string      `json:"trigger"`
	Group      string      `json:"group"`
	Topics     []string    `json:"topics"`
	Ordered    bool        `json:"ordered"`
	Broker     bool        `json:"broker"` // by the rules of a Broker's Trigger, not of a KafkaSource
	Paused     bool        `json:"paused"`
	Break      bool        `json:"break"` // it pauses when an attempt fails
	Lag        int64       `json:"lag"`
	Partitions []Partition `json:"partitions"`
	InFlight   []Flight    `json:"inFlight"`
	Problem    string      `json:"problem,omitzero"` // why some of it is not known
}

// Partition is where a source is in one partition; an offset that is not known is -1.
type Partition struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Committed int64     `json:"committed"` // the position that Kafka has
	Position  int64     `json:"position"`  // the lowest unfinished offset: the next commit
	End       int64     `json:"end"`       // offset of the next record to be written
	Lag       int64     `json:"lag"`
	InFlight  int       `json:"inFlight"`
	Queued    int       `json:"queued"` // in memory, waiting for their turn
	Oldest    time.Time `json:"oldest,omitzero"`
	StalledMs int64     `json:"stalledMs,omitzero"` // for how long it has not moved although it could
	Why       string    `json:"why,omitzero"`       // what holds it
}

// Flight is an event on its way, as far as it has come.
type Flight struct {
	Delivery
	State string    `json:"state"` // attempting, waiting (for the next attempt), held (by a pause or a break)
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"` // of waiting
}

func (t *trigger) flight(f source.Flight) Flight {
	return Flight{Delivery: delivery(t, f.Delivered, false), State: f.State, Since: f.Since.UTC(), Until: f.Until.UTC()}
}

// status asks Kafka, for at most 2 s.
func (t *trigger) status(ctx context.Context) Source {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	s, err := t.source.Status(ctx)
	out := Source{
		Function: t.Function, Trigger: t.Name, Group: t.config.Group, Topics: t.config.Topics, Ordered: t.config.Ordered,
		Broker: t.config.Trigger, Paused: s.Paused, Break: s.Break, Partitions: []Partition{}, InFlight: []Flight{},
	}
	if err != nil {
		out.Problem = err.Error()
	}
	for _, f := range s.InFlight {
		out.InFlight = append(out.InFlight, t.flight(f))
	}
	for _, p := range s.Partitions {
		one := Partition{
			Topic: p.Topic, Partition: p.Partition, Committed: p.Committed, Position: p.Position, End: p.End,
			Lag: p.Lag, Queued: p.Queued, StalledMs: p.Stalled.Milliseconds(), Why: p.Why,
		}
		for _, f := range out.InFlight {
			if f.Topic == p.Topic && f.Partition == p.Partition {
				if one.InFlight++; one.InFlight == 1 {
					one.Oldest = f.At
				}
			}
		}
		out.Lag += p.Lag
		out.Partitions = append(out.Partitions, one)
	}
	return out
}

func (h *Harness) getSources(w http.ResponseWriter, r *http.Request) {
	all := []Source{}
	for _, t := range h.running() {
		all = append(all, t.status(r.Context()))
	}
	shared.WriteJSON(w, http.StatusOK, all)
}

// tell makes a route of what is done to one source.
func (h *Harness) tell(do func(*trigger)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if t := h.asked(w, r); t != nil {
			do(t)
			shared.WriteJSON(w, http.StatusOK, t.status(r.Context()))
		}
	}
}

func (h *Harness) setBreak(w http.ResponseWriter, r *http.Request) {
	on := r.FormValue("on")
	if on != "failure" && on != "off" {
		refuse(w, http.StatusBadRequest, "break takes on=failure or on=off")
		return
	}
	h.tell(func(t *trigger) { t.source.BreakOnFailure(on == "failure") })(w, r)
}
