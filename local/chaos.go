package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/chaos"
)

func (c *cli) chaos() *cobra.Command {
	o := chaos.Options{Say: c.say}
	cmd := &cobra.Command{
		Use:   "chaos",
		Short: "Break things by seed while people register, and judge what was promised",
		Long: `Break things by seed while people register, and judge what was promised.

An episode is 200 registrations and 10 messages of another producer, with 50 users
at their streams, under one fault. When the fault is over and nothing is left to do,
everything is held against what was promised: nothing lost, nobody told twice,
statistics exact, one answer to one request, nothing else that disappears.
local/reliability.md has the promises I1 to I10 and what each fault is.

It runs beside a house that may be up, on free ports and with its state in
.somssi/chaos, and works in a copy of the repository. The seed decides which fault
comes, when and how hard; how processes and packets interleave it does not decide,
so that an episode which failed once may need some runs to fail again. It is kept
in local/testdata/chaos and played first ever after.

The faults (those with * need --real):
` + listFaults() + `
Exit code 1: a promise was broken.`,
		Example: `  go run ./local chaos --seed 1 --for 60s
  go run ./local chaos --seed 7 --faults F1,F12 --episodes 10
  go run ./local chaos --real --episodes 300`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			switch {
			case o.Seed < 0:
				return inputError{fmt.Errorf("--seed %d: give a number from 0 on", o.Seed)}
			case o.Episodes < 0 || o.For <= 0:
				return inputError{errors.New("give a time above zero with --for, or a number with --episodes")}
			}
			if o.Root, err = c.root(); err != nil {
				return err
			}
			if o.State, err = c.stateFolder(); err != nil {
				return err
			}
			o.State = filepath.Join(o.State, "chaos")
			o.Kept = !cmd.Flags().Changed("seed")
			report, err := chaos.Run(cmd.Context(), o)
			if errors.Is(err, chaos.ErrUnknown) {
				return inputError{err}
			}
			if len(report.Episodes) > 0 {
				if err := c.print(report, func(w io.Writer) { fmt.Fprintln(w); report.Write(w) }); err != nil {
					return err
				}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.Int64Var(&o.Seed, "seed", 1, "of the first episode; those after it have the next ones. Given, nothing kept is played first")
	flags.DurationVar(&o.For, "for", time.Minute, "after so long no further episode begins")
	flags.IntVar(&o.Episodes, "episodes", 0, "play so many instead, however long they take")
	flags.StringSliceVar(&o.Faults, "faults", nil, "only these, by their ids")
	flags.BoolVar(&o.Real, "real", false, "on Apache Kafka, redis-server and PostgreSQL instead of embedded parts")
	return cmd
}

func listFaults() string {
	var text strings.Builder
	for _, f := range chaos.Faults() {
		fmt.Fprintf(&text, "  %-4s %s%s\n", f.ID, f.What, map[bool]string{true: " *"}[f.Real])
	}
	return text.String()
}
