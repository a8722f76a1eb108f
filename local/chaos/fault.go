package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is one row of the matrix.
type Fault struct {
	ID, What string
	Real     bool // it needs real parts
	// do brings it about while the load is on, and mends it before it returns.
	do func(ctx context.Context, e *episode, by chance) error
}

// faults in their order.
var faults []Fault

func init() { // the last speaks of the others
	faults = []Fault{
		{"F1", "functions are killed", false, killFunctions},
		{"F2", "the house is killed, with its sources", false, killHouse},
		{"F3", "the API is killed in a request", false, killAPI},
		{"F4", "the outbox relay is killed", false, killRelay},
		{"F5", "Kafka restarts", false, restartKafka},
		{"F6", "Kafka is not reached, or one way only", false, cutKafka},
		{"F7", "Kafka is frozen or slow", false, slowKafka},
		{"F8", "members of the groups come and go", false, rebalance},
		{"F10", "Redis is killed", false, killRedis},
		{"F11", "Redis fails over and loses writes", true, failOver},
		{"F12", "Redis is emptied", false, emptyRedis},
		{"F13", "Redis takes no writes", true, refuseWrites},
		{"F14", "answers of Redis are lost", false, loseRedisAnswers},
		{"F15", "PostgreSQL is killed, or connections in their commit", true, killSQL},
		{"F17", "connections are slow, torn, reset", false, worsenLinks},
		{"F18", "clients hang up", false, hangUp},
		{"F19", "answers of functions are lost", false, loseFunctionAnswers},
		{"F20", "events come many times", false, duplicate},
		{"F21", "events come in another order", false, disorder},
		{"F22", "poison among the events", false, poison},
		{"F24", "processes freeze and come back", false, freeze},
		{"F25", "functions and the dead letter sink fail at once", false, loseDeadLetters},
		{"F28", "a new version, and back", false, changeVersions},
		{"F29", "functions go to zero and come again", false, scaleToZero},
		{"F32", "browsers are offline, and come back", false, tunnel},
		{"F35", "two to four of these at once", false, several},
	}
}

// Faults are all rows, for help.
func Faults() []Fault { return slices.Clone(faults) }

func faultOf(id string) Fault {
	return faults[slices.IndexFunc(faults, func(f Fault) bool { return f.ID == id })]
}

// alone are those that start another house than the one that runs.
var alone = []string{"F2", "F25", "F28", "F29", "F35"}

func several(ctx context.Context, e *episode, by chance) error {
	var can []Fault
	for _, f := range faults {
		if (e.o.Real || !f.Real) && !slices.Contains(alone, f.ID) {
			can = append(can, f)
		}
	}
	by.Shuffle(len(can), func(i, j int) { can[i], can[j] = can[j], can[i] })
	can = can[:2+by.IntN(3)]
	done := make(chan error, len(can))
	for _, f := range can {
		its := chance{rand.New(rand.NewPCG(by.Uint64(), 0))} //nolint:gosec // by seed; its own, whoever comes first
		e.note("%s", f.ID)
		go func() { done <- f.do(ctx, e, its) }()
	}
	var errs []error
	for range can {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

// chance decides by the seed.
type chance struct{ *rand.Rand }

// between is a time from least to most.
func (by chance) between(least, most time.Duration) time.Duration {
	return least + time.Duration(by.Int64N(int64(most-least)+1))
}

// pause lets the load go on for a time from least to most, and is that time.
func (by chance) pause(ctx context.Context, least, most time.Duration) time.Duration {
	d := by.between(least, most)
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
	return d.Round(10 * time.Millisecond)
}

// one is one of all.
func one[T any](by chance, all ...T) T { return all[by.IntN(len(all))] }

// tried does something until it works, for what needs a moment.
func tried(ctx context.Context, longest time.Duration, what string, do func() error) error {
	limit := time.Now().Add(longest)
	for {
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if time.Now().After(limit) {
			return fmt.Errorf("%s: %w", what, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}
