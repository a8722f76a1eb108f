package chaos

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Report is what a campaign found.
type Report struct {
	Real     bool      `json:"real"`
	Episodes []Episode `json:"episodes"`
}

// Episode is one episode and its verdict.
type Episode struct {
	Seed          int64    `json:"seed"`
	Fault         string   `json:"fault"`
	What          string   `json:"what"`
	Did           []string `json:"did"` // what was done to the house
	Registrations int      `json:"registrations"`
	Notifications int      `json:"notifications"` // that users had to get
	Deliveries    int      `json:"deliveries"`    // of events to functions, those a killed house knew of left out
	Attempts      int      `json:"attempts"`
	DeadLetters   int      `json:"deadLetters"`
	RecoveredMs   int64    `json:"recoveredMs"` // from the end of fault and load until nothing was left to do
	TookMs        int64    `json:"tookMs"`
	MostMiB       int      `json:"mostMiB"` // that a function held at the end
	Broken        []Broken `json:"broken,omitempty"`
	Again         string   `json:"again"` // the command that plays it again
}

// Broken is a promise that did not hold, and the evidence.
type Broken struct {
	Invariant string `json:"invariant"`
	Evidence  string `json:"evidence"`
}

func (b Broken) String() string { return b.Invariant + " " + b.Evidence }

// mostEvidence is kept of each invariant; a thousand lines of one cause help nobody.
const mostEvidence = 10

func (e *Episode) broke(invariant, evidence string, args ...any) {
	there := 0
	for _, b := range e.Broken {
		if b.Invariant == invariant {
			there++
		}
	}
	if there < mostEvidence {
		e.Broken = append(e.Broken, Broken{invariant, fmt.Sprintf(evidence, args...)})
	}
}

// line is an episode in one line.
func (e *Episode) line() string {
	verdict := "all promises hold"
	if len(e.Broken) > 0 {
		verdict = fmt.Sprintf("BROKEN %d", len(e.Broken))
	}
	return fmt.Sprintf("%s-%d %s: %s; %d registrations, %d notifications, recovered in %s",
		e.Fault, e.Seed, strings.Join(e.Did, ", "), verdict, e.Registrations, e.Notifications, ms(e.RecoveredMs))
}

func ms(n int64) time.Duration {
	return (time.Duration(n) * time.Millisecond).Round(10 * time.Millisecond)
}

// again is the command that plays an episode again.
func again(o Options, p play) string {
	command := fmt.Sprintf("go run ./local chaos --seed %d --faults %s --episodes 1", p.Seed, p.Fault)
	if o.Real {
		command += " --real"
	}
	return command
}

// Err is ErrBroken where an episode broke a promise.
func (r Report) Err() error {
	broken := 0
	for _, e := range r.Episodes {
		if len(e.Broken) > 0 {
			broken++
		}
	}
	if broken > 0 {
		return fmt.Errorf("%w in %d of %d episodes", ErrBroken, broken, len(r.Episodes))
	}
	return nil
}

// Write writes a row for each fault.
func (r Report) Write(w io.Writer) {
	fmt.Fprintln(w, "| fault | | episodes | registrations | notifications | broken | recovery, median | most |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---:|---:|---:|")
	row := func(id, what string, some []Episode) {
		var times []int64
		registrations, notifications, broken := 0, 0, 0
		for _, e := range some {
			times = append(times, e.RecoveredMs)
			registrations, notifications = registrations+e.Registrations, notifications+e.Notifications
			if len(e.Broken) > 0 {
				broken++
			}
		}
		slices.Sort(times)
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %d | %s | %s |\n", id, what, len(some), registrations, notifications, broken, ms(times[len(times)/2]), ms(times[len(times)-1]))
	}
	by := map[string][]Episode{}
	for _, e := range r.Episodes {
		by[e.Fault] = append(by[e.Fault], e)
	}
	for _, f := range faults {
		if some := by[f.ID]; len(some) > 0 {
			row(f.ID, f.What, some)
		}
	}
	if len(r.Episodes) > 0 {
		row("all", "", r.Episodes)
	}
}
