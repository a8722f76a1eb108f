package harness

import (
	"strings"
	"time"

	"somssi/local/source"
)

// Delivery is what became of one event at one trigger: one row of the history.
// Its JSON is the same in the API, in the files of the history and in the
// answers of the command line; names may be added, none changes.
type Delivery struct {
	Number    int       `json:"number"`         // counts up from 1, also over restarts
	At        time.Time `json:"at"`             // when its turn came
	Ended     time.Time `json:"ended,omitzero"` // when its fate was known
	Function  string    `json:"function"`
	Trigger   string    `json:"trigger"`
	Group     string    `json:"group,omitzero"`
	Event     string    `json:"event"` // id, source and type of the event; none where the record was discarded
	Source    string    `json:"source,omitzero"`
	Type      string    `json:"type"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Fate      string    `json:"fate"`            // done, dead letter, lost, filtered, discarded
	Clause    string    `json:"clause,omitzero"` // of the filter, with the actual value: why it was filtered
	Reply     *Reply    `json:"reply,omitzero"`
	Trace     string    `json:"trace,omitzero"`   // trace id of its traceparent
	Cause     string    `json:"cause,omitzero"`   // its causationid: the id of the event that made a function publish it
	Replay    bool      `json:"replay,omitzero"`  // delivered by a replay, beside the group
	Redrive   bool      `json:"redrive,omitzero"` // and from among the dead letters, by a redrive
	Attempts  []Attempt `json:"attempts"`
}

// Reply is the event that a function answered with and that was published.
type Reply struct {
	ID   string `json:"id"`
	Type string `json:"type"`
}

// Attempt is one request of a delivery.
type Attempt struct {
	To     string `json:"to"`
	WaitMs int64  `json:"waitMs"` // the back-off before it
	TookMs int64  `json:"tookMs"`
	ColdMs int64  `json:"coldMs,omitzero"` // of which it waited for the function to start
	Status int    `json:"status,omitzero"` // none without an answer
	Error  string `json:"error,omitzero"`  // why there was none
	Dead   bool   `json:"dead,omitzero"`   // at the dead letter sink
	Answer string `json:"answer,omitzero"` // the first 1,024 bytes of an answer that refused the event
	Again  bool   `json:"again,omitzero"`  // such a failure is tried again, as long as there are retries
	Broke  bool   `json:"broke,omitzero"`  // it was held after this attempt, which was then made again
}

// traceID is the second part of a traceparent.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}

// delivery is the row of what a source tells of.
func delivery(of *trigger, d source.Delivered, replay bool) Delivery {
	one := Delivery{
		At: d.Taken.UTC(), Ended: d.Ended.UTC(), Function: of.Function, Trigger: of.Name, Group: of.config.Group,
		Event: d.Event, Source: d.Source, Type: d.Type, Trace: traceID(d.Trace), Cause: d.Cause,
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset,
		Fate: d.Fate, Clause: d.Clause, Replay: replay, Attempts: attempts(d.Attempts),
	}
	if d.Reply != nil {
		one.Reply = &Reply{d.Reply.ID, d.Reply.Type}
	}
	return one
}

func attempts(made []source.Attempt) []Attempt {
	all := make([]Attempt, len(made))
	for i, a := range made {
		all[i] = Attempt{
			To: a.To, WaitMs: a.Wait.Milliseconds(), TookMs: a.Took.Milliseconds(), ColdMs: a.Cold.Milliseconds(),
			Status: a.Status, Error: a.Err, Dead: a.Dead, Answer: strings.ToValidUTF8(string(a.Answer), "\uFFFD"),
			Again: a.Again, Broke: a.Broke,
		}
	}
	return all
}
