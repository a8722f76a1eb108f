package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"somssi/local/gen"
)

func (c *cli) gen() *cobra.Command {
	var kind string
	var n int
	var seed uint64
	cmd := &cobra.Command{
		Use:   "gen [type]",
		Short: "Make events from their JSON Schema: valid, edge or hostile",
		Long: `Make events of a type from its JSON Schema in infra/schemas, one on a line; without
a type, list the types.

  valid    plausible ones; one unless -n says how many
  edge     at each limit of the schema and of CloudEvents, and still allowed
  hostile  each breaks one rule, which is said on standard error, or in -o json

The same type, kind, count and seed make the same bytes. What is printed was
checked: valid and edge events are allowed by the schema, hostile ones are not.`,
		Example: `  go run ./local gen
  go run ./local gen somssi.talent.registered.v1 | go run ./local send new_talent_events - --wait
  go run ./local gen somssi.talent.closed.v1 | go run ./local invoke evict-cache -
  go run ./local gen somssi.talent.changed.v1 --kind hostile -n 5 --seed 7 -o json`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			types, _ := c.eventTypes()
			return types, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.listTypes()
			}
			if !slices.Contains([]string{gen.Valid, gen.Edge, gen.Hostile}, kind) {
				return inputError{fmt.Errorf("--kind %s: the kinds are valid, edge and hostile", kind)}
			}
			if n < 0 || n > 100_000 {
				return inputError{fmt.Errorf("-n %d: from 1 to 100,000, or 0 for one valid event or each case once", n)}
			}
			if !cmd.Flags().Changed("seed") {
				seed = uint64(rand.Uint32())
				c.say("seed %d: --seed %d makes the same again", seed, seed)
			}
			return c.makeEvents(args[0], kind, n, seed)
		},
	}
	cmd.Flags().StringVar(&kind, "kind", gen.Valid, "valid, edge or hostile")
	cmd.Flags().IntVarP(&n, "count", "n", 0, "how many; 0 is one valid event, or each case once")
	cmd.Flags().Uint64Var(&seed, "seed", 0, "which ones; unless given another one each time, which is said")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{gen.Valid, gen.Edge, gen.Hostile}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) schemas() (string, error) {
	root, err := c.root()
	return filepath.Join(root, "infra", "schemas"), err
}

func (c *cli) eventTypes() ([]string, error) {
	folder, err := c.schemas()
	if err != nil {
		return nil, err
	}
	return gen.Types(folder)
}

func (c *cli) listTypes() error {
	folder, err := c.schemas()
	if err != nil {
		return err
	}
	types, err := gen.Types(folder)
	if err != nil {
		return err
	}
	type line struct {
		Type  string `json:"type"`
		Title string `json:"title"`
	}
	lines := []line{}
	for _, typ := range types {
		s, err := gen.Load(folder, typ)
		if err != nil {
			return inputError{err}
		}
		lines = append(lines, line{typ, s.Title})
	}
	return c.print(lines, func(w io.Writer) {
		for _, l := range lines {
			fmt.Fprintf(w, "%-32s  %s\n", l.Type, l.Title)
		}
	})
}

// madeEvent is one event in the answer of gen. A text that is not UTF-8 is in
// base64 instead.
type madeEvent struct {
	Number int    `json:"number"`
	Type   string `json:"type"`
	Kind   string `json:"kind"`
	Case   string `json:"case,omitempty"` // what is at its limit, or the rule that is broken
	Text   string `json:"text,omitempty"`
	Base64 []byte `json:"base64,omitempty"`
}

func (c *cli) makeEvents(typ, kind string, n int, seed uint64) error {
	folder, err := c.schemas()
	if err != nil {
		return err
	}
	s, err := gen.Load(folder, typ)
	if errors.Is(err, gen.ErrUnknown) {
		types, _ := gen.Types(folder)
		err = fmt.Errorf("%s: %w; those that have one are\n  %s", typ, err, strings.Join(types, "\n  "))
	}
	if err != nil {
		return inputError{err}
	}
	var events []gen.Event
	err = c.slow(func() (err error) {
		events, err = s.Make(kind, n, seed)
		return err
	}, "making %d events", n)
	if err != nil {
		return inputError{err} // the schema's
	}
	answer := make([]madeEvent, len(events))
	for i, e := range events {
		answer[i] = madeEvent{Number: i + 1, Type: typ, Kind: kind, Case: e.Case, Text: e.Text}
		if !utf8.ValidString(e.Text) {
			answer[i].Text, answer[i].Base64 = "", []byte(e.Text)
		}
	}
	return c.print(answer, func(w io.Writer) {
		for i, e := range events {
			fmt.Fprintln(w, e.Text)
			if e.Case != "" {
				c.say("%d: %s", i+1, e.Case)
			}
		}
	})
}
