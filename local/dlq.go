package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/shared"
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
	for _, sub := range cmd.Commands() {
		sub.Args = wrongArgs(sub.Args)
	}
	return cmd
}

// letters is what each dlq command needs: the running harness and its SQL.
func (c *cli) letters() (harness.Run, *sql.DB, error) {
	run, err := c.running()
	if err != nil {
		return run, nil, err
	}
	db, err := shared.OpenSQL(run.Env["DATABASE_URL"])
	return run, db, err
}

// chosen adds the flags by which letters are chosen; read gives the filter.
func chosen(cmd *cobra.Command) (read func() (dlq.Filter, error)) {
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
	filter := chosen(cmd)
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
	if err := harness.Get(run, "/dev/events", &history); err != nil {
		return nil, err
	}
	found := map[[2]string]int{}
	for _, d := range history {
		if d.Fate != "dead letter" {
			continue
		}
		for i, a := range d.Attempts {
			if a.To == d.Attempts[0].To {
				found[[2]string{a.To, d.Event}] = i + 1
			}
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
			l.Short, cmp.Or(l.Function, "-"), cmp.Or(short(l.Reason, 60), "-"), cmp.Or(l.Code, "-"), orDash(l.Attempts), orDash(l.Redrives),
			cmp.Or(l.Type, "-"), cmp.Or(short(l.Event, 40), "-"), ago(l.Died),
		}, "\t"))
	}
	_ = table.Flush()
}

// orDash is a count, - where it is none.
func orDash(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// short is text cut to so many characters.
func short(text string, most int) string {
	runes := []rune(printable(text))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
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

// letterGroup are the letters of one function that died of one reason.
type letterGroup struct {
	Function string    `json:"function"`
	Code     string    `json:"code"`
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// grouped counts letters, the most frequent first.
func grouped(all []listed) []letterGroup {
	groups := []letterGroup{}
	at := map[[3]string]int{}
	for _, l := range all {
		key := [3]string{l.Function, l.Code, l.Reason}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, letterGroup{Function: l.Function, Code: l.Code, Reason: l.Reason, First: l.Died})
		}
		groups[i].Count++
		groups[i].Last = l.Died // the oldest came first
	}
	slices.SortStableFunc(groups, func(a, b letterGroup) int { return b.Count - a.Count })
	return groups
}

func writeGroups(w io.Writer, groups []letterGroup) {
	if len(groups) == 0 {
		fmt.Fprintln(w, "no dead letters")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COUNT\tFUNCTION\tCODE\tREASON\tFIRST\tLAST")
	for _, g := range groups {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", g.Count, cmp.Or(g.Function, "-"), cmp.Or(g.Code, "-"), cmp.Or(short(g.Reason, 80), "-"), ago(g.First), ago(g.Last))
	}
	_ = table.Flush()
}
