package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"somssi/local/harness"
	"somssi/local/source"
)

// outcome is the answer of send --wait.
type outcome struct {
	Sent       []place            `json:"sent"`
	Deliveries []harness.Delivery `json:"deliveries"`
	Unexpected int                `json:"unexpected"` // deliveries of another fate
	Missing    []missing          `json:"missing"`    // those that are not through
}

type missing struct {
	Function string `json:"function"`
	Trigger  string `json:"trigger"`
	place
	State string `json:"state"`
}

// judge prints what came of it, and is an error where that is not as expected.
func (c *cli) judge(w *waiting, answer outcome) error {
	var wrongOnes []string
	slices.SortStableFunc(answer.Deliveries, func(a, b harness.Delivery) int { return strings.Compare(a.Function, b.Function) })
	for _, d := range answer.Deliveries {
		if want := w.expected[triggerName{d.Function, d.Trigger}]; !slices.Contains(want, d.Fate) {
			answer.Unexpected++
			wrongOnes = append(wrongOnes, fmt.Sprintf("%s: %s, not %s", d.Function, d.Fate, strings.Join(want, " or ")))
		}
	}
	for _, m := range answer.Missing {
		wrongOnes = append(wrongOnes, fmt.Sprintf("%s is not through with %s/%d@%d after %s: %s", m.Function, m.Topic, m.Partition, m.Offset, w.timeout, m.State))
	}
	if err := c.print(answer, func(out io.Writer) { writeOutcome(out, answer) }); err != nil || len(wrongOnes) == 0 {
		return err
	}
	most := min(5, len(wrongOnes))
	text := strings.Join(wrongOnes[:most], "\n  ")
	if more := len(wrongOnes) - most; more > 0 {
		text += fmt.Sprintf("\n  and %d more", more)
	}
	return fmt.Errorf("%d of %d deliveries are not as expected:\n  %s", len(wrongOnes), len(answer.Deliveries)+len(answer.Missing), text)
}

// stateOf is what the harness says of a record that a trigger is not through
// with. It is asked of the first few, as it looks at logs and at Kafka.
func (c *cli) stateOf(ctx context.Context, run harness.Run, t triggerName, at place, before int) string {
	var all []harness.Why
	where := fmt.Sprintf("%s/%d@%d", at.Topic, at.Partition, at.Offset)
	if before >= 20 || harness.Ask(ctx, run, http.MethodGet, "/dev/why/"+url.PathEscape(where), nil, &all) != nil {
		return "not through"
	}
	for _, w := range all {
		for _, r := range w.Triggers {
			if r.Function == t.function && r.Trigger == t.name {
				return r.Said
			}
		}
	}
	return "not through"
}

// writeOutcome is a line for each function, fate and reason.
func writeOutcome(w io.Writer, answer outcome) {
	type line struct{ function, fate, why string }
	type sum struct {
		count, tries int
		ms           int64
	}
	sums := map[line]*sum{}
	var lines []line
	add := func(l line, tries int, ms int64) {
		if sums[l] == nil {
			sums[l] = &sum{}
			lines = append(lines, l)
		}
		s := sums[l]
		s.count, s.tries, s.ms = s.count+1, max(s.tries, tries), max(s.ms, ms)
	}
	for _, d := range answer.Deliveries {
		tries, ms, why := effort(d)
		add(line{d.Function, d.Fate, why}, tries, ms)
	}
	for _, m := range answer.Missing {
		add(line{m.Function, "-", m.State}, 0, 0)
	}
	several, count := len(answer.Sent) > 1, ""
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, map[bool]string{true: "COUNT\t"}[several]+"FUNCTION\tFATE\tTRIES\tMS\tWHY")
	for _, l := range lines {
		s := sums[l]
		if several {
			count = fmt.Sprintf("%d\t", s.count)
		}
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%d\t%s\n", count, l.function, l.fate, timesOrDash(s.tries), s.ms, l.why)
	}
	_ = table.Flush()
}

// effort is how often a function was tried, how long all of it took, and why it
// was not simply done.
func effort(d harness.Delivery) (tries int, ms int64, why string) {
	for _, a := range d.Attempts {
		ms += a.WaitMs + a.TookMs
		if !a.Dead {
			tries++
		}
	}
	if d.Fate != source.Done {
		why = shorten(reason(d), 80)
	}
	return tries, ms, why
}
