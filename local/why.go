package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) why() *cobra.Command {
	var function string
	cmd := &cobra.Command{
		Use:   "why <event id>",
		Short: "Say what every function did with one event, and why",
		Long: `Say what every function did with one event, and why: whether it reads the topic,
which clause of its filter was false, each attempt with the wait before it and
why it was or was not made again, the fate, the commit, and the events that came
of it.

The beginning of the id is enough where no other event begins so. A place, as
the column WHERE of events has it, does too. A plain message, which Knative
wraps, has the id partition:P/offset:O.`,
		Example: `  go run ./local why 0198c3f2-7b1e-7c5a-9d3e-2f1a4b5c6d7e
  go run ./local why partition:3/offset:17
  go run ./local why partition:3/offset:17 --function adopt-talent
  go run ./local why new_talent_events/3@17 -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var found []harness.Why
			if err := c.ask(cmd.Context(), http.MethodGet, "/dev/why/"+url.PathEscape(args[0]), nil, &found); err != nil {
				return err
			}
			if err := only(found, function); err != nil {
				return err
			}
			return c.print(found, func(w io.Writer) {
				for i, one := range found {
					if i > 0 {
						fmt.Fprintln(w)
					}
					explain(w, one)
				}
			})
		},
	}
	cmd.Flags().StringVar(&function, "function", "", "only what this one did")
	return cmd
}

// only leaves what one function did with each event; "" leaves all.
func only(found []harness.Why, function string) error {
	for i := range found {
		all := found[i].Triggers
		kept := slices.DeleteFunc(slices.Clone(all), func(r harness.Reason) bool { return function != "" && r.Function != function })
		if len(kept) == 0 && len(all) > 0 {
			return inputError{fmt.Errorf("no function %q: see go run ./local status for those there are", function)}
		}
		found[i].Triggers = kept
	}
	return nil
}

func explain(w io.Writer, one harness.Why) {
	fmt.Fprintf(w, "%s  %s\n", orDash(one.Event), orDash(one.Type))
	var places []string
	for _, r := range one.Records {
		places = append(places, fmt.Sprintf("%s/%d@%d", one.Topic, r.Partition, r.Offset))
	}
	from := "from " + one.Source
	if one.Source == "" {
		from = "no CloudEvent"
	}
	fmt.Fprintf(w, "  %s, in %s\n", from, strings.Join(places, ", "))
	if one.Trace != "" {
		fmt.Fprintf(w, "  trace %s\n", one.Trace)
	}
	if one.Cause != "" {
		fmt.Fprintf(w, "  published because of %s\n", one.Cause)
	}
	var others []harness.Reason
	for _, r := range one.Triggers {
		if !r.Reads && len(r.Deliveries) == 0 {
			others = append(others, r)
			continue
		}
		fmt.Fprintf(w, "\n%s  %s\n", name(r.Function, r.Trigger), r.Said)
		for _, d := range r.Deliveries {
			explainDelivery(w, d, d.Verdict != r.Said)
		}
		for _, f := range r.InFlight {
			fmt.Fprintf(w, "  in flight since %s\n", f.At.Local().Format("15:04:05.000"))
			listAttempts(w, f.Attempts)
		}
		for _, l := range news(r) {
			fmt.Fprintf(w, "  it logged at %s: %s\n", l.At.Local().Format(time.TimeOnly), shorten(l.Error, 300))
		}
	}
	if len(others) > 0 {
		fmt.Fprint(w, "\nnot sent to\n")
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range others {
			fmt.Fprintf(table, "  %s\t%s\n", name(r.Function, r.Trigger), r.Said)
		}
		_ = table.Flush()
	}
}

// news is what the function logged and did not answer, each text once.
func news(r harness.Reason) (lines []harness.LogLine) {
	var told strings.Builder
	for _, d := range r.Deliveries {
		for _, a := range d.Attempts {
			told.WriteString(said(a.Answer) + "\n")
		}
	}
	for _, f := range r.InFlight {
		for _, a := range f.Attempts {
			told.WriteString(said(a.Answer) + "\n")
		}
	}
	for _, l := range r.Log {
		if !strings.Contains(told.String(), l.Error) {
			lines = append(lines, l)
			told.WriteString(l.Error)
		}
	}
	return lines
}

func name(function, trigger string) string {
	if trigger == "" {
		return function
	}
	return function + "/" + trigger
}

func explainDelivery(w io.Writer, d harness.Explained, isOther bool) {
	fmt.Fprintf(w, "  %s at %s/%d@%d", d.At.Local().Format("15:04:05.000"), d.Topic, d.Partition, d.Offset)
	if isOther { // than what the line above says: an earlier delivery
		fmt.Fprintf(w, ": %s", d.Verdict)
	}
	fmt.Fprintln(w)
	listAttempts(w, d.Attempts)
	fmt.Fprintf(w, "  %s\n", d.Commit)
	if len(d.Caused) > 0 {
		fmt.Fprintln(w, "  what came of it:")
		listCaused(w, d.Caused, "    ")
	}
}

func listCaused(w io.Writer, all []harness.Caused, indent string) {
	for _, one := range all {
		var fates []string
		for _, f := range one.Fates {
			fates = append(fates, f.Function+" "+f.Fate)
		}
		if len(fates) == 0 {
			fates = []string{"not delivered yet, or nobody reads it"}
		}
		how := map[string]string{"reply": "the answer", "cause": "published", "trace": "same trace"}[one.By]
		fmt.Fprintf(w, "%s%s  %s (%s): %s\n", indent, one.Event, one.Type, how, strings.Join(fates, ", "))
		listCaused(w, one.Caused, indent+"  ")
	}
}
