package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/local/source"
)

// listed is one line of dlq ls.
type listed struct {
	dlq.Letter
	Short    string `json:"short"`              // the key as people type it
	Attempts int    `json:"attempts,omitempty"` // 0: the harness does not remember
}

func (c *cli) dlqList() *cobra.Command {
	var group bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the dead letters, the oldest first",
		Example: `  go run ./local dlq ls
  go run ./local dlq ls --group
  go run ./local dlq ls --function update-stats --code 422 -o json`,
		Args: cobra.NoArgs,
	}
	filter := c.chosen(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		run, db, err := c.letters()
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		all, err := list(cmd.Context(), run, db, f)
		if err != nil {
			return err
		}
		if group {
			groups := grouped(all)
			return c.print(groups, func(w io.Writer) { writeGroups(w, groups) })
		}
		return c.print(all, func(w io.Writer) { writeList(w, all, f) })
	}
	cmd.Flags().BoolVar(&group, "group", false, "count them by function, code and reason")
	return cmd
}

func list(ctx context.Context, run harness.Run, db *sql.DB, f dlq.Filter) ([]listed, error) {
	letters, err := dlq.List(ctx, db, f)
	if err != nil {
		return nil, err
	}
	keys, err := dlq.AllKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	attempts, err := attemptsOf(run)
	if err != nil {
		return nil, err
	}
	all := make([]listed, len(letters))
	for i, l := range letters {
		all[i] = listed{l, keys.Short(l.Key), attempts[[2]string{l.Dest, l.Event}]}
	}
	return all, nil
}

// attemptsOf is how often each destination was tried for each event that ended
// as a dead letter, as far as the harness remembers.
func attemptsOf(run harness.Run) (map[[2]string]int, error) {
	var history []harness.Delivery
	if err := harness.Get(run, "/dev/events?"+harness.Filter{Fate: source.DeadLetter}.Query(), &history); err != nil {
		return nil, err
	}
	found := map[[2]string]int{}
	for _, d := range history {
		tries, _, _ := effort(d)
		if tries > 0 && !d.Replay {
			found[[2]string{d.Attempts[0].To, d.Event}] = tries
		}
	}
	return found, nil
}

func writeList(w io.Writer, all []listed, f dlq.Filter) {
	if len(all) == 0 {
		none := "no dead letters: every event was taken"
		if f != (dlq.Filter{}) {
			none = "no such dead letters"
		}
		fmt.Fprintln(w, none)
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tFUNCTION\tREASON\tCODE\tATTEMPTS\tREDRIVES\tTYPE\tEVENT\tDIED")
	for _, l := range all {
		fmt.Fprintln(table, strings.Join([]string{
			l.Short, cmp.Or(l.Function, "-"), cmp.Or(shorten(l.Reason, 60), "-"), cmp.Or(l.Code, "-"), timesOrDash(l.Attempts), timesOrDash(l.Redrives),
			cmp.Or(l.Type, "-"), cmp.Or(shorten(l.Event, 40), "-"), ago(l.Died),
		}, "\t"))
	}
	_ = table.Flush()
}

// timesOrDash is a count, - where it is none.
func timesOrDash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// ago is how long a time has passed, in one unit.
func ago(at time.Time) string {
	switch age := time.Since(at); {
	case age < time.Minute:
		return fmt.Sprintf("%ds", max(0, int(age.Seconds())))
	case age < time.Hour:
		return fmt.Sprintf("%dm", int(age.Minutes()))
	case age < 48*time.Hour:
		return fmt.Sprintf("%dh", int(age.Hours()))
	default:
		return fmt.Sprintf("%dd", int(age.Hours()/24))
	}
}
