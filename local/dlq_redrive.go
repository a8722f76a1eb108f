package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
)

func (c *cli) dlqRedrive() *cobra.Command {
	var all, dry bool
	var rate float64
	cmd := &cobra.Command{
		Use:   "redrive <key...> | --all",
		Short: "Send dead letters to their functions again",
		Long: `Send dead letters again, each as the event it was and only to the function that
did not take it, past Kafka. What is answered with 2xx is taken out after the
answer; everything else stays, with a note that it was tried. A crash in between
sends an event twice, which functions know by its id.

Exit code 1: some were not taken.`,
		Example: `  go run ./local dlq redrive 1f0c22ab
  go run ./local dlq redrive --all --function update-stats --code 422
  go run ./local dlq redrive --all --rate 5 --dry-run`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: c.completedKeys,
	}
	filter := c.chosen(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := filter()
		switch {
		case err != nil:
			return err
		case all == (len(args) > 0):
			return inputError{errors.New("either keys, as dlq ls shows them, or --all")}
		case len(args) > 0 && f != (dlq.Filter{}):
			return inputError{errors.New("keys name their letters alone: flags that choose go with --all")}
		case rate <= 0 || rate > 1000:
			return inputError{fmt.Errorf("--rate %g: more than 0 and at most 1000 a second", rate)}
		}
		run, db, err := c.letters()
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		letters, err := pick(cmd.Context(), db, f, args)
		if err != nil {
			return err
		}
		return c.redrive(cmd.Context(), run, db, letters, rate, dry)
	}
	cmd.Flags().BoolVar(&all, "all", false, "all, or all that the flags choose")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "only say what would be sent")
	cmd.Flags().Float64Var(&rate, "rate", 10, "at most so many a second")
	return cmd
}

// pick is the letters of keys, or where there are none those of the filter.
func pick(ctx context.Context, db *sql.DB, f dlq.Filter, begins []string) (letters []listed, err error) {
	keys, err := dlq.AllKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, begin := range begins {
		key, err := keys.Find(begin)
		if err != nil {
			return nil, inputError{err}
		}
		wanted[key] = true
	}
	all, err := dlq.List(ctx, db, f)
	for _, l := range all {
		if len(begins) == 0 || wanted[l.Key] {
			letters = append(letters, listed{Letter: l, Short: keys.Short(l.Key)})
		}
	}
	return letters, err
}

// redrive sends the letters one after the other and tells of each at once.
func (c *cli) redrive(ctx context.Context, run harness.Run, db *sql.DB, letters []listed, rate float64, dry bool) error {
	results, counts := []redriven{}, map[string]int{}
	pace := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer pace.Stop()
	began, said := time.Now(), time.Now()
	for i, l := range letters {
		result := redriven{Key: l.Short, Function: l.Function, Event: l.Event, Result: "would be sent"}
		if !dry {
			if i > 0 {
				select {
				case <-pace.C:
				case <-ctx.Done():
					return fmt.Errorf("stopped after %d of %d: the others stay dead letters", i, len(letters))
				}
			}
			if err := result.send(ctx, run, db, l); err != nil {
				return fmt.Errorf("redrive %s, after %d of %d: %w", l.Short, i, len(letters), err)
			}
		}
		counts[result.Result]++
		results = append(results, result)
		if !c.json() {
			fmt.Fprintln(c.out, result)
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			left := time.Duration(float64(len(letters)-i-1) / float64(i+1) * float64(time.Since(began)))
			c.say("%d of %d, %s left", i+1, len(letters), left.Round(time.Second))
		}
	}
	err := c.print(results, func(w io.Writer) {
		if len(results) == 0 {
			fmt.Fprintln(w, "no such dead letters")
		}
	})
	if failures := counts["failed"]; err == nil && failures > 0 {
		err = fmt.Errorf("%d of %d were not taken and stay dead letters: mend the function first, see dlq show", failures, len(letters))
	}
	return err
}
