package source

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Status is what a source is doing.
type Status struct {
	Paused bool
	Break  bool // whether it pauses when an attempt fails
	// Partitions are those that the source has now, by topic and number.
	Partitions []PartitionStatus
	// InFlight are the events on their way, the oldest first.
	InFlight []Flight
}

// PartitionStatus is where the source is in one partition.
type PartitionStatus struct {
	Topic     string
	Partition int32
	// Committed is the position that Kafka has, -1 if it has none; Position is
	// the lowest unfinished offset, which the next commit tells, and End the
	// offset of the next record to be written, both -1 if not known.
	Committed, Position, End int64
	// Lag is how many offsets are unfinished. Markers of transactions at the
	// end of a partition count, and stay.
	Lag int64
	// Queued is how many records wait in memory for their turn.
	Queued int
	// Stalled is for how long the partition has not moved although it could, 0
	// while it does; Why is what holds it.
	Stalled time.Duration
	Why     string
}

// Flight is an event on its way.
type Flight struct {
	Delivered           // so far
	State     string    // Attempting, Waiting or Held
	Since     time.Time // of State
	Until     time.Time // of Waiting
}

// Status asks Kafka for ends and commits, and looks at what is in flight. What
// Kafka does not answer before ctx ends is -1, and the error tells why.
func (s *Source) Status(ctx context.Context) (Status, error) {
	out := Status{Paused: s.gate.closed.Load(), Break: s.gate.breaks.Load(), InFlight: s.InFlight()}
	ends, commits, err := s.askKafka(ctx)
	for _, p := range s.allPartitions() {
		out.Partitions = append(out.Partitions, s.partitionStatus(p, ends, commits))
	}
	slices.SortFunc(out.Partitions, func(a, b PartitionStatus) int {
		if c := strings.Compare(a.Topic, b.Topic); c != 0 {
			return c
		}
		return int(a.Partition - b.Partition)
	})
	return out, err
}

// InFlight are the events on their way, the oldest first, as in Status.
func (s *Source) InFlight() []Flight { return s.flights.list() }

func (s *Source) askKafka(ctx context.Context) (ends kadm.ListedOffsets, commits kadm.OffsetResponses, err error) {
	admin := kadm.NewClient(s.client)
	if ends, err = admin.ListEndOffsets(ctx, s.config.Topics...); err == nil {
		commits, err = admin.FetchOffsets(ctx, s.config.Group)
	}
	if err != nil {
		return ends, commits, fmt.Errorf("ask Kafka for the ends of %v and the commits of %s: %w", s.config.Topics, s.config.Group, err)
	}
	return ends, commits, nil
}

func (s *Source) partitionStatus(p *partition, ends kadm.ListedOffsets, commits kadm.OffsetResponses) PartitionStatus {
	one := PartitionStatus{Topic: p.topic, Partition: p.number, Committed: -1, End: -1}
	if commit, ok := commits.Lookup(p.topic, p.number); ok && commit.Err == nil {
		one.Committed = commit.At
	}
	if end, ok := ends.Lookup(p.topic, p.number); ok && end.Err == nil {
		one.End = end.Offset
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	one.Position, one.Queued = one.Committed, len(p.queue)
	if p.started {
		one.Position = p.lowest()
	}
	if one.End >= 0 {
		one.Lag = one.End - max(one.Position, 0)
	}
	if p.stalled != "" {
		one.Stalled, one.Why = time.Since(p.movedAt), p.stalled
	}
	return one
}

func (fs *flights) list() []Flight {
	fs.mu.Lock()
	all := make([]*flight, 0, len(fs.all))
	for f := range fs.all {
		all = append(all, f)
	}
	fs.mu.Unlock()
	out := make([]Flight, len(all))
	for i, f := range all {
		f.mu.Lock()
		out[i] = Flight{Delivered: f.d, State: f.state, Since: f.since, Until: f.until}
		out[i].Attempts = slices.Clone(f.d.Attempts)
		f.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Flight) int { return a.Taken.Compare(b.Taken) })
	return out
}
