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
)

// Delivered says what became of one record.
type Delivered struct {
	Topic     string
	Partition int32
	Offset    int64
	// Event, Source and Type are the id, source and type of its event.
	Event, Source, Type string
	// Taken is when the record's turn came.
	Taken time.Time
	// Attempts are all attempts in their order, those at the dead letter sink
	// included. Its last one is the one that decided.
	Attempts []Attempt
	// Fate is Done, DeadLetter or Lost.
	Fate string
}

// Attempt is one request, or one that could not be made.
type Attempt struct {
	To string // the URL as configured
	// Wait is the back-off before it, Took the time until it was answered in
	// full.
	Wait, Took time.Duration
	Status     int    // 0 without an answer
	Err        string // why there was no answer
}
