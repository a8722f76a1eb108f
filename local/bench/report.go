package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
)

// Report is all figures of a run.
type Report struct {
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
}

// Machine is where they were measured. Load is what the system says of the last
// minute; above 1 before the run, others were using the machine.
type Machine struct {
	System     string `json:"system"`
	Go         string `json:"go"`
	Cores      int    `json:"cores"`
	LoadBefore string `json:"loadBefore,omitempty"`
	LoadAfter  string `json:"loadAfter,omitempty"`
}

// Row is one figure: the medians of both sides, and of the ratios of rounds,
// between the lowest and the highest of these.
type Row struct {
	Row    int      `json:"row"`
	What   string   `json:"what"`
	Unit   string   `json:"unit"`
	Ours   float64  `json:"ours"`
	Theirs float64  `json:"theirs"`
	Ratio  float64  `json:"ratio"` // ours / theirs
	Low    float64  `json:"low"`
	High   float64  `json:"high"`
	Rounds int      `json:"rounds"`
	Least  float64  `json:"least,omitempty"` // the target, of the ratio
	Most   float64  `json:"most,omitempty"`
	Met    bool     `json:"met"`
	Notes  []string `json:"notes,omitempty"`
	Again  string   `json:"again"`
	Absent string   `json:"absent,omitempty"` // why this system cannot measure it
}

// round is what both sides did in one round.
type round struct{ ours, theirs float64 }

// takeTurns measures both sides once in each round, each of them first in every other one.
func takeTurns(rounds int, ours, theirs func() (float64, error)) ([]round, error) {
	all := make([]round, rounds)
	for i := range all {
		r := &all[i]
		turns := []struct {
			measure func() (float64, error)
			to      *float64
		}{{ours, &r.ours}, {theirs, &r.theirs}}
		if i%2 == 1 {
			slices.Reverse(turns)
		}
		for _, turn := range turns {
			var err error
			if *turn.to, err = turn.measure(); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// of fills in the row's figures from rounds, of which there is at least one.
func (r Row) of(rounds []round) Row {
	var ours, theirs, ratios []float64
	for _, one := range rounds {
		ours, theirs, ratios = append(ours, one.ours), append(theirs, one.theirs), append(ratios, one.ours/one.theirs)
	}
	r.Ours, r.Theirs, r.Ratio, r.Rounds = median(ours), median(theirs), median(ratios), len(rounds)
	r.Low, r.High = slices.Min(ratios), slices.Max(ratios)
	r.Met = r.Ratio >= r.Least && (r.Most == 0 || r.Ratio <= r.Most)
	return r
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

func (r Report) write(w io.Writer, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	m := r.Machine
	_, err := fmt.Fprintf(w, "%s, %d cores, %s; load average %s before, %s after\n", m.System, m.Cores, m.Go, cmp.Or(m.LoadBefore, "unknown"), cmp.Or(m.LoadAfter, "unknown"))
	for _, row := range r.Rows {
		row.write(w)
	}
	return err
}

func (r Row) write(w io.Writer) {
	fmt.Fprintf(w, "\n%d  %s\n", r.Row, r.What)
	if r.Absent != "" {
		fmt.Fprintf(w, "   not measured: %s\n", r.Absent)
		return
	}
	target, verdict := fmt.Sprintf("at least %.2f", r.Least), "met"
	if r.Most > 0 {
		target = fmt.Sprintf("at most %.2f", r.Most)
	}
	if !r.Met {
		verdict = "MISSED"
	}
	fmt.Fprintf(w, "   ours %s   theirs %s   %s\n", amount(r.Ours), amount(r.Theirs), r.Unit)
	if r.Least == 0 && r.Most == 0 {
		target, verdict = "none", "as it is"
	}
	fmt.Fprintf(w, "   ratio %.2f (%.2f to %.2f in %d rounds)   target %s: %s\n", r.Ratio, r.Low, r.High, r.Rounds, target, verdict)
	for _, note := range r.Notes {
		fmt.Fprintf(w, "   %s\n", note)
	}
	fmt.Fprintf(w, "   again: %s\n", r.Again)
}

// amount has three digits or more.
func amount(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

func machine() Machine {
	return Machine{System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Cores: runtime.NumCPU(), LoadBefore: load()}
}

// load is the load average of the last minute, "" where the system does not say.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
