package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"somssi/local/source"
	"somssi/shared"
)

// ReplayRequest says what is delivered again, and to whom. From and Until are
// offsets, times (RFC 3339), durations ago (10m), or beginning and end.
type ReplayRequest struct {
	From      string   `json:"from"`
	Until     string   `json:"until,omitzero"`     // the first not to be delivered; the end of now unless said
	To        []string `json:"to,omitzero"`        // functions, or function/trigger
	All       bool     `json:"all,omitzero"`       // to every function that reads Topic
	Topic     string   `json:"topic,omitzero"`     // the only one
	Partition *int32   `json:"partition,omitzero"` // the only one
	Event     string   `json:"event,omitzero"`     // the whole id of the only one
}

// Progress is how far a replay is. The last one is Done, or has an Error.
type Progress struct {
	Function string         `json:"function,omitzero"` // that it is at
	Trigger  string         `json:"trigger,omitzero"`
	Behind   int64          `json:"behind"` // offsets of this trigger's
	Of       int64          `json:"of"`
	Fates    map[string]int `json:"fates"` // how many deliveries came to which, of all triggers
	Done     bool           `json:"done"`
	Error    string         `json:"error,omitzero"`
}

func (h *Harness) replay(w http.ResponseWriter, r *http.Request) {
	var asked ReplayRequest
	if err := shared.ReadJSON(w, r, &asked); err != nil {
		shared.Fail(w, r, err)
		return
	}
	which, err := asked.which(time.Now())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	to, err := h.targets(asked)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	h.replays.Add(1)
	defer h.replays.Done()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(h.stopping, cancel)()
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Cache-Control", "no-store")
	h.replayTo(ctx, to, which, lines(w))
}

// lines writes a value a line, at once.
func lines(w http.ResponseWriter) func(Progress) {
	enc, flush := json.NewEncoder(w), http.NewResponseController(w)
	return func(p Progress) {
		_ = enc.Encode(p) // whoever asked is gone where this fails, and with him ctx
		_ = flush.Flush()
	}
}

// targets is who gets a replay: never one that was not asked for.
func (h *Harness) targets(q ReplayRequest) (to []*trigger, err error) {
	reads := func(t *trigger) bool { return q.Topic == "" || slices.Contains(t.config.Topics, q.Topic) }
	switch {
	case q.All == (len(q.To) > 0):
		return nil, fmt.Errorf("say to whom: --to <function>, as often as needed, or --all for every function that reads the topic")
	case q.All:
		to = slices.DeleteFunc(h.running(), func(t *trigger) bool { return !reads(t) })
		if len(to) == 0 {
			return nil, fmt.Errorf("no function reads topic %q", q.Topic)
		}
		return to, nil
	}
	for _, name := range q.To {
		named := h.named(name)
		if len(named) == 0 {
			return nil, fmt.Errorf("%s", h.noTrigger(name))
		}
		for _, t := range named {
			if !reads(t) {
				return nil, fmt.Errorf("%s does not read topic %q: it reads %s", t, q.Topic, strings.Join(t.config.Topics, ", "))
			}
			if !slices.Contains(to, t) {
				to = append(to, t)
			}
		}
	}
	return to, nil
}

// replayTo replays to one after the other, and tells how it goes once a
// second.
func (h *Harness) replayTo(ctx context.Context, to []*trigger, which source.Range, tell func(Progress)) {
	var mu sync.Mutex
	now, told := Progress{Fates: map[string]int{}}, time.Now()
	for _, t := range to {
		now.Function, now.Trigger, now.Behind, now.Of = t.Function, t.Name, 0, 0
		c := t.config
		c.Observe = func(d source.Delivered) {
			h.History.add(delivery(t, d, true))
			mu.Lock()
			defer mu.Unlock()
			now.Fates[d.Fate]++
		}
		err := source.Replay(ctx, c, which, func(behind, all int64) {
			mu.Lock()
			defer mu.Unlock()
			now.Behind, now.Of = behind, all
			if time.Since(told) > time.Second {
				told = time.Now()
				tell(now)
			}
		})
		if err != nil {
			now.Error = err.Error()
			if h.stopping.Err() != nil {
				now.Error = "the harness is stopping"
			}
			tell(now)
			return
		}
	}
	now.Done = true
	tell(now)
}
