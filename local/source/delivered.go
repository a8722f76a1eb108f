package source

import "time"

// The fates of a record. In each of them its offset counts as done.
const (
	// Done is a record that the sink accepted.
	Done = "done"
	// DeadLetter is a record that the dead letter sink accepted instead.
	DeadLetter = "dead letter"
	// Lost is a record that neither accepted.
	Lost = "lost"
	// Filtered is an event that the filter of a Trigger did not let pass.
	Filtered = "filtered"
	// Discarded is a record that is no CloudEvent, at a Trigger.
	Discarded = "discarded"
)

// Delivered says what became of one record, or has so far.
type Delivered struct {
	Topic     string
	Partition int32
	Offset    int64
	// Event, Source and Type are the id, source and type of its event; empty
	// of a record that was discarded.
	Event, Source, Type string
	// Trace is the event's traceparent, or the record's; empty if neither has one.
	Trace string
	// Cause is the id of the event that caused it, as its extension causationid
	// tells.
	Cause string
	// Taken is when the record's turn came, Ended when its fate was known.
	Taken, Ended time.Time
	// Attempts are all attempts in their order, those at the dead letter sink
	// included. The last one of each destination is the one that decided.
	Attempts []Attempt
	// Fate is one of the fates, empty while it is not known.
	Fate string
	// Clause is the clause of the filter that was false, with what the event
	// has instead.
	Clause string
	// Reply is the event that a Trigger published, because its subscriber
	// answered with it.
	Reply *Reply
}

// Reply is an event that a subscriber answered with.
type Reply struct{ ID, Source, Type string }

// Attempt is one request, or one that could not be made.
type Attempt struct {
	To   string // the URL as configured
	Dead bool   // whether To is the dead letter sink
	// Wait is the back-off before it, Took the time until it was answered in
	// full, and Cold the part of that in which the function was started, as the
	// answer's Server-Timing header tells.
	Wait, Took, Cold time.Duration
	Status           int    // 0 without an answer
	Answer           []byte // the beginning of a failing answer, at most 1024 bytes
	Err              string // why there was no answer, or why one that seems good was not
	// Again is whether another attempt could follow by the rules of its status;
	// none does when the retries are used up.
	Again bool
	// Broke is whether it was held after this attempt, which is then made again
	// under the same number.
	Broke bool
}
