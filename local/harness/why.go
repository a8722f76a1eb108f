package harness

import (
	"net/http"

	"somssi/shared"
)

// Why is all that is known of one event: what each trigger of the template did
// with it, or why it did not.
type Why struct {
	Event    string   `json:"event"`  // its id; none of a record that was only discarded
	Source   string   `json:"source"` // none of a wrapped record, to which each trigger gives its own
	Type     string   `json:"type"`
	Trace    string   `json:"trace,omitzero"`
	Cause    string   `json:"cause,omitzero"` // id of the event that it was published for
	Topic    string   `json:"topic"`
	Records  []Record `json:"records"` // more than one where it was published again under its id
	Triggers []Reason `json:"triggers"`
}

// Record is a place in a topic.
type Record struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
}

// Reason is what one trigger did with the event, and why.
type Reason struct {
	Function   string      `json:"function"`
	Trigger    string      `json:"trigger"`
	Kind       string      `json:"kind"`  // kafka, broker, http, cron or none; gone where template.yaml has it no more
	Reads      bool        `json:"reads"` // the topic
	Said       string      `json:"said"`  // the answer in a line
	Deliveries []Explained `json:"deliveries"`
	InFlight   []InFlight  `json:"inFlight"`
	Log        []LogLine   `json:"log"` // what the function logged when it did not take the event, the last few

	of *trigger // nil where it takes nothing from Kafka, or is not there
}

// getWhy answers for an id, how it begins, or a place such as new_talent_events/3@17.
func (h *Harness) getWhy(w http.ResponseWriter, r *http.Request) {
	found, err := h.about(r.Context(), r.PathValue("event"))
	if err != nil {
		refuse(w, err.Status, err.Detail)
		return
	}
	for i := range found {
		h.reason(r.Context(), &found[i])
	}
	shared.WriteJSON(w, http.StatusOK, found)
}
