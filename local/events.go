package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) events() *cobra.Command {
	var f harness.Filter
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List what became of each event at each function",
		Long: `List what became of each event at each function: done, "dead letter", lost,
or, by a Trigger, filtered or discarded. The last 10,000 are kept, also over
restarts of the harness; those before are found by --event only.

--follow outlives the harness: it waits until one is up again.`,
		Example: `  go run ./local events
  go run ./local events --fate "dead letter" --function update-stats
  go run ./local events --follow --topic new_talent_events
  go run ./local events --event 0198c3f2 -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if follow {
				return c.followEvents(cmd.Context(), f)
			}
			var all []harness.Delivery
			if err := c.ask(cmd.Context(), http.MethodGet, "/dev/events?"+f.Query(), nil, &all); err != nil {
				return err
			}
			return c.print(all, func(w io.Writer) { listEvents(w, all) })
		},
	}
	cmd.Flags().StringVar(&f.Function, "function", "", "only this function's")
	cmd.Flags().StringVar(&f.Fate, "fate", "", "only of this fate: "+strings.Join(harness.Fates(), ", "))
	cmd.Flags().StringVar(&f.Event, "event", "", "only those whose id begins so")
	cmd.Flags().StringVar(&f.Topic, "topic", "", "only of this topic")
	cmd.Flags().IntVarP(&f.Last, "last", "n", 50, "at most so many, the newest; 0 for all that are kept in memory")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C; with -o json a line each")
	_ = cmd.RegisterFlagCompletionFunc("fate", cobra.FixedCompletions(harness.Fates(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// followEvents prints what comes, in the harness that is there now and in the
// next ones.
func (c *cli) followEvents(ctx context.Context, f harness.Filter) error {
	isFirst, isGone := true, false
	for {
		var more []harness.Delivery
		err := c.ask(ctx, http.MethodGet, "/dev/events?"+f.Query(), nil, &more)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && (isFirst || !errors.Is(err, harness.ErrNotRunning)):
			return err
		case err != nil && !isGone:
			c.say("the harness has stopped; waiting until one is up again")
			isGone = true
		case err == nil && isGone:
			after, err := c.newest(ctx, f.After)
			if err != nil { // it has stopped again
				more = nil
				break
			}
			c.say("a harness is up again")
			f.After, isGone = after, false
		}
		if isFirst && !c.json() {
			listEvents(c.out, more)
		} else {
			c.addEvents(more)
		}
		if len(more) > 0 {
			f.After = more[len(more)-1].Number
		}
		isFirst, f.Last = false, 0
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// newest is where to go on after a restart: behind what was seen, unless the
// history began anew or lost its last second.
func (c *cli) newest(ctx context.Context, seen int) (int, error) {
	var last []harness.Delivery
	err := c.ask(ctx, http.MethodGet, "/dev/events?last=1", nil, &last)
	switch {
	case err != nil:
		return 0, err
	case len(last) == 0:
		return 0, nil
	}
	return min(seen, last[0].Number), nil
}

func (c *cli) addEvents(more []harness.Delivery) {
	for _, d := range more {
		if c.json() {
			_ = json.NewEncoder(c.out).Encode(d)
		} else {
			fmt.Fprintln(c.out, strings.Join(columns(d), "  "))
		}
	}
}
