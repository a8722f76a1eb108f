package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/local/source"
)

// redriven is what came of one letter.
type redriven struct {
	Key        string `json:"key"`
	Function   string `json:"function"`
	Event      string `json:"event"`
	Result     string `json:"result"` // done, failed, gone, or would be sent
	Status     int    `json:"status,omitempty"`
	TookMs     int64  `json:"tookMs,omitempty"`
	Why        string `json:"why,omitempty"`
	FromRecord bool   `json:"fromRecord,omitempty"`
}

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
		Args: cobra.ArbitraryArgs,
	}
	filter := chosen(cmd)
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

// String is a line for people.
func (r redriven) String() string {
	parts := []string{r.Key, cmp.Or(r.Function, "-"), printable(r.Event), r.Result}
	if r.Status > 0 {
		parts = append(parts, fmt.Sprintf("%d in %d ms", r.Status, r.TookMs))
	}
	if r.Why != "" {
		parts = append(parts, printable(r.Why))
	}
	return strings.Join(parts, "  ")
}

// send sends one letter. Its errors are those of the harness and of SQL, where
// the next letter would fare no better.
func (r *redriven) send(ctx context.Context, run harness.Run, db *sql.DB, of listed) error {
	l, err := dlq.Read(ctx, db, of.Key)
	if errors.Is(err, dlq.ErrGone) { // another redrive was quicker
		r.Result = "gone"
		return nil
	}
	if err != nil {
		return err
	}
	answer, err := again(ctx, run, l)
	if err != nil {
		var refused inputError // the template has no such function any more
		if !errors.As(err, &refused) {
			return err
		}
		r.Result, r.Why = "failed", err.Error()
		return dlq.Redriven(ctx, db, l.Key)
	}
	r.Status, r.TookMs, r.FromRecord = answer.Status, answer.TookMs, answer.FromRecord
	if answer.Fate != source.Done {
		r.Result = "failed"
		r.Why = cmp.Or(answer.Error, strings.Join(bodyLines(answer.Invoked), ": "))
		return dlq.Redriven(ctx, db, l.Key)
	}
	r.Result = source.Done
	return dlq.Delete(ctx, db, l.Key)
}

// again sends a letter by way of the harness.
func again(ctx context.Context, run harness.Run, l dlq.Letter) (answer harness.Redriven, err error) {
	if l.Function == "" {
		return answer, inputError{errors.New("no function is known that did not take it")}
	}
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(harness.Dead{Attributes: l.Original(), Data: l.Data}); err != nil {
		return answer, err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return answer, post(ctx, run, "/dev/redrive/"+url.PathEscape(l.Function), header, body.Bytes(), &answer)
}
