package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
	"somssi/local/source"
	"somssi/local/template"
)

// waiting is what send waits for.
type waiting struct {
	triggers []triggerName
	expected map[triggerName][]string // fates that are right
	after    int                      // the last delivery before
	timeout  time.Duration
}

type triggerName struct{ function, name string }

func (t triggerName) String() string { return t.function + "/" + t.name }

var fates = []string{source.Done, source.DeadLetter, source.Lost, source.Filtered, source.Discarded}

// prepare finds the triggers that read the topic, what is expected of each, and
// from where on to look.
func (c *cli) prepare(run harness.Run, topic string, o sendOptions) (*waiting, error) {
	triggers, err := c.triggersOf(topic)
	if err != nil {
		return nil, err
	}
	if len(triggers) == 0 {
		return nil, inputError{fmt.Errorf("no function has a trigger on %s: nothing to wait for", topic)}
	}
	w := &waiting{triggers: triggers, timeout: o.timeout}
	if w.expected, err = expectations(o.expect, triggers); err != nil {
		return nil, inputError{err}
	}
	var last []harness.Delivery
	if err := harness.Get(run, "/dev/events?last=1", &last); err != nil {
		return nil, err
	}
	if len(last) > 0 {
		w.after = last[len(last)-1].Number
	}
	return w, nil
}

func (c *cli) triggersOf(topic string) (all []triggerName, err error) {
	root, err := c.root()
	if err != nil {
		return nil, err
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return nil, err
	}
	for _, function := range t.Names() {
		triggers := t.Functions[function].Triggers
		for _, name := range slices.Sorted(maps.Keys(triggers)) {
			k, b := triggers[name].Kafka, triggers[name].Broker
			if k != nil && slices.Contains(k.Topics, topic) || b != nil && b.Topic == topic {
				all = append(all, triggerName{function, name})
			}
		}
	}
	return all, nil
}

// expectations reads --expect: a fate for all, or function=fate by commas.
func expectations(text string, triggers []triggerName) (map[triggerName][]string, error) {
	expected := map[triggerName][]string{}
	for _, t := range triggers {
		expected[t] = []string{source.Done, source.Filtered}
	}
	if text == "" {
		return expected, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		who, fate, named := strings.Cut(strings.TrimSpace(part), "=")
		if !named {
			who, fate = "", who
		}
		fate = strings.ReplaceAll(strings.Trim(fate, `"' `), "-", " ")
		if !slices.Contains(fates, fate) {
			return nil, fmt.Errorf("--expect %s: the fates are %s", part, strings.Join(fates, ", "))
		}
		found := false
		for _, t := range triggers {
			if !named || who == t.function || who == t.String() {
				expected[t], found = []string{fate}, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--expect %s: no such function has a trigger on this topic; there are %v", part, triggers)
		}
	}
	return expected, nil
}

// outcome is the answer of send --wait.
type outcome struct {
	Sent       []sent             `json:"sent"`
	Deliveries []harness.Delivery `json:"deliveries"`
	Unexpected int                `json:"unexpected"` // deliveries of another fate
	Missing    []missing          `json:"missing"`    // those that are not through
}

type missing struct {
	Function string `json:"function"`
	Trigger  string `json:"trigger"`
	sent
	State string `json:"state"`
}

// awaitFates waits until every trigger is through with every record.
func (c *cli) awaitFates(ctx context.Context, run harness.Run, w *waiting, records []*kgo.Record) error {
	open := map[sent]map[triggerName]bool{}
	answer := outcome{Sent: []sent{}, Deliveries: []harness.Delivery{}, Missing: []missing{}}
	for _, r := range records {
		answer.Sent = append(answer.Sent, sentAs(r))
		open[sentAs(r)] = map[triggerName]bool{}
		for _, t := range w.triggers {
			open[sentAs(r)][t] = true
		}
	}
	left := len(records) * len(w.triggers)
	late, tick := time.After(w.timeout), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for said, over := time.Now(), false; left > 0 && !over; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			over = true // after one more look
		case <-tick.C:
		}
		var more []harness.Delivery
		if err := harness.Get(run, fmt.Sprintf("/dev/events?after=%d", w.after), &more); err != nil {
			return err
		}
		for _, d := range more {
			w.after = d.Number
			at, by := sent{d.Topic, d.Partition, d.Offset}, triggerName{d.Function, d.Trigger}
			if open[at][by] {
				delete(open[at], by)
				answer.Deliveries = append(answer.Deliveries, d)
				left--
			}
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			c.say("waiting for %d of %d deliveries", left, len(records)*len(w.triggers))
		}
	}
	for _, at := range answer.Sent {
		for _, t := range w.triggers {
			if open[at][t] {
				answer.Missing = append(answer.Missing, missing{t.function, t.name, at, "not through"})
			}
		}
	}
	return c.judge(w, answer)
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
		fmt.Fprintf(table, "%s%s\t%s\t%s\t%d\t%s\n", count, l.function, l.fate, orDash(s.tries), s.ms, l.why)
	}
	_ = table.Flush()
}

// effort is how often a function was tried, how long all of it took, and what
// the function said last where it did not take the event.
func effort(d harness.Delivery) (tries int, ms int64, why string) {
	for _, a := range d.Attempts {
		ms += a.WaitMs + a.TookMs
		if a.To != d.Attempts[0].To {
			continue // the dead letter sink
		}
		tries++
		switch {
		case a.Error != "":
			why = printable(a.Error)
		case a.Status >= 300:
			why = fmt.Sprint(a.Status)
		default:
			why = ""
		}
	}
	return tries, ms, why
}
