package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) step() *cobra.Command {
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "step [function[/trigger]]",
		Short: "Let one attempt of a paused source through, and say what came of it",
		Long: `Let the attempt that is held longest be made, and say what came of it. The source
stays paused. The function may be left out where only one source is paused.

Exit code 1: nothing is held.`,
		Example:           "  go run ./local step update-stats\n  go run ./local step --wait 10s",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: c.completeSources,
		RunE: func(cmd *cobra.Command, names []string) error {
			s, err := c.paused(cmd.Context(), names)
			if err != nil {
				return err
			}
			var made harness.Step
			if err := c.ask(cmd.Context(), http.MethodPost, path(s, "step?wait="+wait.String()), nil, &made); err != nil {
				return err
			}
			if err := c.print(made, func(w io.Writer) { tellStep(w, made) }); err != nil {
				return err
			}
			if made.Let == nil {
				return fmt.Errorf("nothing is held at %s: the next event will be", name(s.Function, s.Trigger))
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", 2*time.Second, "how long to wait for what comes of it")
	return cmd
}

// paused is the one source that a step is for.
func (c *cli) paused(ctx context.Context, names []string) (s harness.Source, err error) {
	all, err := c.sources(ctx, names)
	if err != nil {
		return s, err
	}
	all = slices.DeleteFunc(all, func(s harness.Source) bool { return !s.Paused })
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return s, fmt.Errorf("no source to step is paused: first go run ./local pause %s", strings.Join(names, ""))
	}
	var which []string
	for _, s := range all {
		which = append(which, name(s.Function, s.Trigger))
	}
	return s, inputError{fmt.Errorf("%d sources are paused, say which: %s", len(all), strings.Join(which, ", "))}
}

func tellStep(w io.Writer, made harness.Step) {
	switch {
	case made.Let == nil: // is told as an error
	case made.Became != nil:
		fmt.Fprintf(w, "let through %s at %s/%d@%d: %s", made.Let.Event, made.Let.Topic, made.Let.Partition, made.Let.Offset, made.Became.Fate)
		if why := reason(*made.Became); why != "" && made.Became.Fate != "done" { // else it was an earlier attempt's
			fmt.Fprintf(w, " (%s)", shorten(why, 200))
		}
		fmt.Fprintln(w)
	case made.Now != nil:
		fmt.Fprintf(w, "let through %s; it is now %s\n", made.Let.Event, strings.TrimPrefix(flight(*made.Now), made.Now.Event+" "))
	default:
		fmt.Fprintf(w, "let through %s\n", made.Let.Event)
	}
}
