package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) trace() *cobra.Command {
	return &cobra.Command{
		Use:   "trace <event id | trace id>",
		Short: "Show everything that was done for one request, as a tree",
		Long: `Show everything that was done for one request, as a tree: each piece of work with
when it began, in ms after the first, and how many ms it took, below the one that
caused it, whichever function did it. Needs a harness that runs with --trace.

The id is that of a trace, as why tells it, or of an event, of which the beginning is
enough.`,
		Example: `  go run ./local trace 0198c3f2-7b1e-7c5a-9d3e-2f1a4b5c6d7e
  go run ./local trace 0af7651916cd43dd8448eb211c80319c -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var found []harness.Span
			if err := c.ask(cmd.Context(), http.MethodGet, "/dev/traces/"+url.PathEscape(args[0]), nil, &found); err != nil {
				return err
			}
			return c.print(found, func(w io.Writer) { drawTraces(w, found) })
		},
	}
}

// drawTraces draws each trace of spans, which are in the order of their beginnings.
func drawTraces(w io.Writer, spans []harness.Span) {
	below, known := map[string][]harness.Span{}, map[string]bool{}
	for _, s := range spans {
		known[s.Trace+s.ID] = true
	}
	var traces []string
	for _, s := range spans {
		parent := s.Trace + s.Parent
		if !known[parent] { // the first, or one whose parent is not told of
			parent = s.Trace
		}
		if len(below[s.Trace]) == 0 {
			traces = append(traces, s.Trace)
		}
		below[parent] = append(below[parent], s)
	}
	for i, id := range traces {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "trace %s\n\n   began    took  ms\n", id)
		drawBelow(w, below, id, below[id][0].At, "", "")
	}
}

func drawBelow(w io.Writer, below map[string][]harness.Span, of string, began time.Time, branch, indent string) {
	for i, s := range below[of] {
		twig, next := branch, indent
		if of != s.Trace {
			twig, next = indent+"├─ ", indent+"│  "
			if i == len(below[of])-1 {
				twig, next = indent+"└─ ", indent+"   "
			}
		}
		fmt.Fprintf(w, "%8.1f%8.1f  %s%s  %s%s\n", ms(s.At.Sub(began)), ms(time.Duration(s.TookNs)), twig, s.Service, s.Name, about(s))
		drawBelow(w, below, s.Trace+s.ID, began, "", next)
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// about is what else is known of a span.
func about(s harness.Span) string {
	var text strings.Builder
	if s.Status != 0 {
		fmt.Fprintf(&text, "  %d", s.Status)
	} else if s.Failed {
		text.WriteString("  failed")
	}
	if s.Event != "" {
		text.WriteString("  event " + s.Event)
	}
	for _, link := range s.Links {
		text.WriteString("  sent in trace " + link)
	}
	return text.String()
}
