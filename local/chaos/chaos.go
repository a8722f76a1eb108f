package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"somssi/local/overlay"
)

// Options say what a campaign is.
type Options struct {
	Root, State string                       // the repository, and a folder for everything of the campaign, which is emptied before it
	Seed        int64                        // of the first episode; the next has the next
	For         time.Duration                // after so long no further episode begins
	Episodes    int                          // that many, however long they take; 0: For decides
	Faults      []string                     // by their ids; none: all that these parts allow, in turn
	Real        bool                         // Apache Kafka, redis-server and PostgreSQL
	Kept        bool                         // play first what is kept of campaigns that failed
	Plant       func(*overlay.Overlay) error // a mistake in the house, to see whether it is found
	Say         func(format string, args ...any)
}

// ErrBroken is that something promised did not hold.
var ErrBroken = errors.New("a promise was broken")

// ErrUnknown is that a fault was asked for that is none, or not with these parts.
var ErrUnknown = errors.New("cannot play")

// Run plays episodes and reports on each. It is ErrBroken where one broke a
// promise, which report says, too.
func Run(ctx context.Context, o Options) (Report, error) {
	report := Report{Real: o.Real}
	chosen, err := choose(o.Faults, o.Real)
	if err != nil {
		return report, err
	}
	if err := clear(o.State); err != nil {
		return report, err
	}
	s, err := setUp(ctx, o)
	if err != nil {
		return report, err
	}
	defer s.tearDown()
	began := time.Now()
	var plays []play
	if o.Kept {
		if plays, err = kept(o.Root, chosen, o.Real); err != nil {
			return report, err
		}
	}
	for n := 0; ; n++ {
		var next play
		switch {
		case n < len(plays):
			next = plays[n]
		case o.Episodes > 0 && n-len(plays) >= o.Episodes, o.Episodes == 0 && n > len(plays) && time.Since(began) >= o.For:
			return report, report.Err()
		default:
			seed := o.Seed + int64(n-len(plays))
			next = play{Seed: seed, Fault: chosen[int(seed)%len(chosen)].ID}
		}
		e, err := s.play(ctx, next)
		if err != nil {
			return report, fmt.Errorf("episode %s: %w", next, err)
		}
		report.Episodes = append(report.Episodes, e)
		o.Say("%s", e.line())
		if len(e.Broken) == 0 {
			continue
		}
		for _, b := range e.Broken {
			o.Say("    %s", b)
		}
		o.Say("    again: %s; what the house said: %s", e.Again, s.house.state)
		if o.Plant == nil {
			if err := keep(o.Root, next, e.Broken); err != nil {
				return report, err
			}
		}
	}
}

// clear deletes what a campaign left, but for the functions that it built: of
// these the next one builds anew what is another.
func clear(state string) error {
	var errs []error
	for _, folder := range []string{state, filepath.Join(state, "copy")} {
		entries, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			if name := entry.Name(); name != "copy" && name != ".somssi" {
				errs = append(errs, os.RemoveAll(filepath.Join(folder, name)))
			}
		}
	}
	return errors.Join(errs...)
}

// choose finds faults by their ids.
func choose(ids []string, real bool) ([]Fault, error) {
	var chosen []Fault
	for _, f := range faults {
		if len(ids) == 0 && (real || !f.Real) || slices.Contains(ids, f.ID) {
			chosen = append(chosen, f)
		}
	}
	for _, id := range ids {
		at := slices.IndexFunc(faults, func(f Fault) bool { return f.ID == id })
		switch {
		case at < 0:
			return nil, fmt.Errorf("%w %q: there are %s", ErrUnknown, id, strings.Join(names(), ", "))
		case faults[at].Real && !real:
			return nil, fmt.Errorf("%w %s on embedded parts (%s): add --real", ErrUnknown, id, faults[at].What)
		}
	}
	return chosen, nil
}

func names() (all []string) {
	for _, f := range faults {
		all = append(all, f.ID)
	}
	return all
}

func keptIn(root string) string { return filepath.Join(root, "local", "testdata", "chaos") }
