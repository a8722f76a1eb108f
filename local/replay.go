package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

func (c *cli) replay() *cobra.Command {
	var q harness.ReplayRequest
	var partition int32
	cmd := &cobra.Command{
		Use:   "replay --from <offset|time|beginning> --to <function[/trigger]>",
		Short: "Deliver events again, to the named functions only",
		Long: `Deliver again what is in the topics, to the named functions only, by the rules of
their sources: filter, retries, dead letter sink. No commit moves and nothing is
written to a topic, but for what a Broker's Trigger publishes of answers; the
sources go on beside it. It ends at the end of the topics as they were when it
began. What it delivered is marked as a replay in events and why.

--from and --until take an offset, a time (RFC 3339), how long ago (10m), or
beginning and end. --until is the first not to be delivered.

Exit code 1: not every event was done.`,
		Example: `  go run ./local replay --from beginning --to update-stats
  go run ./local replay --from 10m --until 2m --to update-stats --to evict-cache
  go run ./local replay --from 17 --until 18 --topic new_talent_events --partition 3 --to notify-interested
  go run ./local replay --from beginning --event 0198c3f2-7b1e-7c5a-9d3e-2f1a4b5c6d7e --all`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case q.From == "":
				return inputError{fmt.Errorf("say --from: an offset, a time, how long ago, or beginning")}
			case q.All == (len(q.To) > 0):
				return inputError{fmt.Errorf("say to whom: --to <function>, as often as needed, or --all for every function that reads the topic")}
			case cmd.Flags().Changed("partition"):
				q.Partition = &partition
			}
			return c.runReplay(cmd.Context(), q)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&q.From, "from", "", "where to begin")
	flags.StringVar(&q.Until, "until", "", "where to end; unless said, at the end as it is now")
	flags.StringArrayVar(&q.To, "to", nil, "the function, or function/trigger; may be given several times")
	flags.BoolVar(&q.All, "all", false, "to every function that reads the topic")
	flags.StringVar(&q.Topic, "topic", "", "only this topic")
	flags.Int32Var(&partition, "partition", 0, "only this partition")
	flags.StringVar(&q.Event, "event", "", "only events with this id")
	_ = cmd.RegisterFlagCompletionFunc("to", c.completeSources)
	return cmd
}

func (c *cli) runReplay(ctx context.Context, q harness.ReplayRequest) error {
	run, err := c.running()
	if err != nil {
		return err
	}
	last, err := harness.Replay(ctx, run, q, func(p harness.Progress) {
		c.say("%s: %d of %d offsets, %s", name(p.Function, p.Trigger), p.Behind, p.Of, counts(p.Fates))
	})
	if err != nil {
		return c.mistake(err)
	}
	if err := c.print(last, func(w io.Writer) { fmt.Fprintf(w, "replayed: %s\n", counts(last.Fates)) }); err != nil {
		return err
	}
	if bad := last.Fates["dead letter"] + last.Fates["lost"]; bad > 0 {
		return fmt.Errorf("%d were not done: see go run ./local events", bad)
	}
	return nil
}

func counts(fates map[string]int) string {
	var all []string
	for _, fate := range slices.Sorted(maps.Keys(fates)) {
		all = append(all, fmt.Sprintf("%d %s", fates[fate], fate))
	}
	if len(all) == 0 {
		return "no event"
	}
	return strings.Join(all, ", ")
}
