package main

import (
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/shared/connect"
)

func (c *cli) dlq() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dlq",
		Short: "Look at dead letters, send them again, or throw them away",
		Long: `Look at the events that a function did not take and that keep-dead-letters keeps
in SQL; send them again once the function is mended, or throw them away. A letter
is named by its KEY, as dlq ls shows it, or more of it.`,
		Example: `  go run ./local dlq ls --group
  go run ./local dlq show 1f0c22ab
  go run ./local dlq redrive --all --function update-stats --rate 5
  go run ./local dlq purge --older 30d --yes`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return inputError{fmt.Errorf("dlq %s: there are ls, show, redrive and purge", args[0])}
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(c.dlqList(), c.dlqShow(), c.dlqRedrive(), c.dlqPurge())
	return cmd
}

// letters is what each dlq command needs: the running harness and its SQL.
func (c *cli) letters() (harness.Run, *sql.DB, error) {
	run, err := c.running()
	if err != nil {
		return run, nil, err
	}
	db, err := connect.SQL(run.Env["DATABASE_URL"])
	return run, db, err
}

// chosen adds the flags by which letters are chosen; read gives the filter.
func (c *cli) chosen(cmd *cobra.Command) (read func() (dlq.Filter, error)) {
	var f dlq.Filter
	var older string
	cmd.Flags().StringVar(&f.Function, "function", "", "only this function's")
	cmd.Flags().StringVar(&f.Code, "code", "", "only with this status; - is without an answer")
	cmd.Flags().StringVar(&f.Type, "type", "", "only events of this type")
	cmd.Flags().StringVar(&f.Event, "event", "", "only the event of this id")
	cmd.Flags().StringVar(&older, "older", "", "only those that died longer ago, such as 12h or 30d")
	return func() (dlq.Filter, error) {
		if older == "" {
			return f, nil
		}
		age, err := parseAge(older)
		f.Before = time.Now().Add(-age)
		return f, err
	}
}

// parseAge reads a duration, with days beside what Go knows.
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 100_000 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, inputError{fmt.Errorf("%q is no duration: such as 90s, 12h or 30d", text)}
	}
	return age, nil
}
