package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
)

func (c *cli) dlqPurge() *cobra.Command {
	var all, yes bool
	cmd := &cobra.Command{
		Use:   "purge <key...> | --all | --older <age>",
		Short: "Throw dead letters away for good",
		Long:  "Throw dead letters away for good: those of the keys, or those that the flags choose.\nAsks first, unless --yes says it.",
		Example: `  go run ./local dlq purge 1f0c22ab
  go run ./local dlq purge --older 30d --yes
  go run ./local dlq purge --all --function update-stats`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: c.completedKeys,
	}
	filter := c.chosen(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := filter()
		if err != nil {
			return err
		}
		if chooses := all || f != (dlq.Filter{}); chooses == (len(args) > 0) {
			return inputError{errors.New("either keys, as dlq ls shows them, or --all, --older or another flag that chooses")}
		}
		_, db, err := c.letters()
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		letters, err := pick(cmd.Context(), db, f, args)
		if err != nil {
			return err
		}
		if len(letters) > 0 && !yes {
			if err := c.confirm(cmd.InOrStdin(), letters); err != nil {
				return err
			}
		}
		return c.purge(cmd.Context(), db, letters)
	}
	cmd.Flags().BoolVar(&all, "all", false, "all, or all that the other flags choose")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// confirm asks on a terminal whether the letters are to go.
func (c *cli) confirm(standard io.Reader, letters []listed) error {
	noYes := inputError{fmt.Errorf("%d dead letters would be thrown away for good: say --yes", len(letters))}
	file, ok := standard.(*os.File)
	if !ok {
		return noYes
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return noYes
	}
	for _, l := range letters[:min(5, len(letters))] {
		c.say("%s  %s  %s  %s", l.Short, l.Function, printable(l.Event), shorten(l.Reason, 60))
	}
	fmt.Fprintf(c.problems, "throw away %d dead letters for good? [y/N] ", len(letters))
	line, err := bufio.NewReader(file).ReadString('\n')
	if err != nil {
		return noYes
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("nothing was thrown away")
	}
	return nil
}

// purge deletes so many at once that it is quick, and so few that a function
// that keeps a letter meanwhile does not wait.
func (c *cli) purge(ctx context.Context, db *sql.DB, letters []listed) error {
	answer := struct {
		Purged int `json:"purged"`
	}{}
	said := time.Now()
	for some := range slices.Chunk(letters, 200) {
		keys := make([]string, len(some))
		for i, l := range some {
			keys[i] = l.Key
		}
		n, err := dlq.Purge(ctx, db, keys)
		if err != nil {
			return fmt.Errorf("after %d of %d: %w", answer.Purged, len(letters), err)
		}
		if answer.Purged += n; time.Since(said) > time.Second {
			said = time.Now()
			c.say("%d of %d thrown away", answer.Purged, len(letters))
		}
	}
	return c.print(answer, func(w io.Writer) { fmt.Fprintf(w, "%d dead letters thrown away\n", answer.Purged) })
}
