package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status [function[/trigger]...]",
		Short: "Say what each source is doing: state, lag, what is in flight",
		Long: `Say what the source of each trigger, or of the given ones, is doing: whether it
is paused, where it stands in each partition, how far that is behind, and what is
in flight. A partition that has not moved for a minute although it could is said
to stand still, with what holds it.`,
		Example: `  go run ./local status
  go run ./local status update-stats -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			all, err := c.sources(cmd.Context(), names)
			if err != nil {
				return err
			}
			return c.print(all, func(w io.Writer) {
				for i, s := range all {
					if i > 0 {
						fmt.Fprintln(w)
					}
					listSource(w, s)
				}
			})
		},
		ValidArgsFunction: c.completeSources,
	}
}

// state is a source's, in a word or two.
func state(s harness.Source) string {
	held := 0
	for _, f := range s.InFlight {
		if f.State == "held" {
			held++
		}
	}
	text := "running"
	if s.Paused {
		text = fmt.Sprintf("paused, %d held", held)
	}
	if s.Break {
		text += ", breaks on failure"
	}
	return text
}

func listSource(w io.Writer, s harness.Source) {
	fmt.Fprintf(w, "%s  %s, lag %d, %d in flight  (group %s)\n", name(s.Function, s.Trigger), state(s), s.Lag, len(s.InFlight), s.Group)
	if s.Problem != "" {
		fmt.Fprintf(w, "  not all is known: %s\n", s.Problem)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  PARTITION\tCOMMITTED\tNEXT\tEND\tLAG\tIN FLIGHT\tQUEUED\tOLDEST\t")
	for _, p := range s.Partitions {
		oldest, still := "-", ""
		if !p.Oldest.IsZero() {
			oldest = time.Since(p.Oldest).Round(100 * time.Millisecond).String()
		}
		if p.StalledMs > 0 {
			still = fmt.Sprintf("stands still for %s: %s", seconds(p.StalledMs), p.Why)
		}
		fmt.Fprintf(table, "  %s/%d\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", p.Topic, p.Partition,
			offset(p.Committed), offset(p.Position), offset(p.End), p.Lag, p.InFlight, p.Queued, oldest, still)
	}
	_ = table.Flush()
	for i, f := range s.InFlight {
		if i == 5 {
			fmt.Fprintf(w, "  … and %d more in flight\n", len(s.InFlight)-i)
			break
		}
		fmt.Fprintf(w, "  %s\n", flight(f))
	}
}

func offset(n int64) string {
	if n < 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

// flight is where an event on its way stands.
func flight(f harness.Flight) string {
	text := fmt.Sprintf("%s %s at %s/%d@%d, after %d attempts", orDash(f.Event), f.State, f.Topic, f.Partition, f.Offset, len(f.Attempts))
	if !f.Until.IsZero() {
		text += ", until " + f.Until.Local().Format("15:04:05.0")
	}
	if why := reason(f.Delivery); why != "" {
		text += ": " + shorten(why, 80)
	}
	return text
}
