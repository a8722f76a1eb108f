package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/demo"
	"somssi/local/harness"
)

func (c *cli) demo() *cobra.Command {
	var real bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Do the main job from end to end, count, and exit",
		Long: `Do the main job from end to end on fresh state and free ports, beside a harness
that may be running: 50 users follow 20 categories, 500 talents are registered
over HTTP, some twice, and one function is killed in the middle. Then compare
what everybody was told with what everybody should have been told.

Exit code 1: a figure is not what was expected.`,
		Example: "  go run ./local demo\n  go run ./local demo --real\n  go run ./local demo -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := c.root()
			if err != nil {
				return err
			}
			state, err := c.stateFolder()
			if err != nil {
				return err
			}
			state = filepath.Join(state, "demo")
			if err := empty(state); err != nil {
				return err
			}
			began := time.Now()
			o := harness.Options{Root: root, State: state, Real: real, Say: func(format string, args ...any) {
				c.say("%6.1f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
			}}
			report, err := demo.Run(cmd.Context(), o, demo.Plan{Talents: 500, Kill: []string{"notify-interested"}})
			if err != nil {
				return err
			}
			if err := c.print(report, func(w io.Writer) { fmt.Fprintln(w); report.Write(w) }); err != nil {
				return err
			}
			return report.Wrong()
		},
	}
	cmd.Flags().BoolVar(&real, "real", false, "on Apache Kafka, redis-server and PostgreSQL instead of embedded parts")
	return cmd
}
