package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"somssi/local/harness"
)

// sources is what all sources are doing, or the named ones.
func (c *cli) sources(ctx context.Context, names []string) (all []harness.Source, err error) {
	if err := c.ask(ctx, http.MethodGet, "/dev/sources", nil, &all); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return all, nil
	}
	var known, found []string
	chosen := slices.DeleteFunc(slices.Clone(all), func(s harness.Source) bool {
		whole := name(s.Function, s.Trigger)
		known = append(known, whole)
		for _, n := range names {
			if n == s.Function || n == whole {
				found = append(found, n)
				return false
			}
		}
		return true
	})
	for _, n := range names {
		if !slices.Contains(found, n) {
			return nil, inputError{fmt.Errorf("no function or trigger %s takes events from Kafka: there are %s", n, strings.Join(known, ", "))}
		}
	}
	return chosen, nil
}

func (c *cli) completeSources(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	all, _ := c.sources(cmd.Context(), nil) // no completion where no harness runs
	var names []string
	for _, s := range all {
		names = append(names, name(s.Function, s.Trigger))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func path(s harness.Source, act string) string {
	return "/dev/sources/" + url.PathEscape(s.Function) + "/" + url.PathEscape(s.Trigger) + "/" + act
}

// act does something to the named sources and prints how they are then.
func (c *cli) act(ctx context.Context, names []string, what string) error {
	all, err := c.sources(ctx, names)
	if err != nil {
		return err
	}
	for i := range all {
		if err := c.ask(ctx, http.MethodPost, path(all[i], what), nil, &all[i]); err != nil {
			return err
		}
	}
	return c.print(all, func(w io.Writer) {
		for _, s := range all {
			fmt.Fprintf(w, "%s  %s, lag %d\n", name(s.Function, s.Trigger), state(s), s.Lag)
		}
	})
}

func (c *cli) pause() *cobra.Command {
	return &cobra.Command{
		Use:   "pause [function[/trigger]...]",
		Short: "Hold what is delivered next, at all sources or the given ones",
		Long: `Hold what is delivered next, at all sources or the given ones. Attempts that are
under way end; what comes next stands still, with its place, its event and the
number of its attempt, also while the function is built anew. To Kafka it is a
consumer that takes its time. A pause ends with the harness.`,
		Example:           "  go run ./local pause\n  go run ./local pause update-stats evict-cache/talents",
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, names []string) error { return c.act(cmd.Context(), names, "pause") },
		ValidArgsFunction: c.completeSources,
	}
}

func (c *cli) resume() *cobra.Command {
	return &cobra.Command{
		Use:               "resume [function[/trigger]...]",
		Short:             "Let all sources or the given ones go on; a break stays set",
		Example:           "  go run ./local resume\n  go run ./local resume update-stats",
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, names []string) error { return c.act(cmd.Context(), names, "resume") },
		ValidArgsFunction: c.completeSources,
	}
}

func (c *cli) breakOn() *cobra.Command {
	var on string
	cmd := &cobra.Command{
		Use:   "break --on failure|off [function[/trigger]...]",
		Short: "Pause when an attempt fails, with the event in hand",
		Long: `Pause a source whenever an attempt fails, with the event in hand, before any rule
says what follows from the failure: mend the function, then step or resume, and
the same attempt is made again under the same number. --on off ends it; what is
held then stays so until resume.`,
		Example: `  go run ./local break --on failure update-stats
  go run ./local break --on off`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			if on != "failure" && on != "off" {
				return inputError{fmt.Errorf("--on %q: say --on failure or --on off", on)}
			}
			return c.act(cmd.Context(), names, "break?on="+on)
		},
		ValidArgsFunction: c.completeSources,
	}
	cmd.Flags().StringVar(&on, "on", "", "failure, or off")
	_ = cmd.RegisterFlagCompletionFunc("on", cobra.FixedCompletions([]string{"failure", "off"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
