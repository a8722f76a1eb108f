package main

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/template"
)

// completed completes a first argument by names in template.yaml, and files after it.
func (c *cli) completed(names func(*template.Template) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return c.named(names)
	}
}

// completedFlag completes a flag by names in template.yaml.
func (c *cli) completedFlag(names func(*template.Template) []string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return c.named(names) }
}

func (c *cli) named(names func(*template.Template) []string) ([]string, cobra.ShellCompDirective) {
	root, err := c.root()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names(t), cobra.ShellCompDirectiveNoFileComp
}

func functionsOf(t *template.Template) []string { return t.Names() }

func topicsOf(t *template.Template) []string { return slices.Sorted(maps.Keys(t.Topics)) }

// completedKeys completes the keys of dead letters, each with what it is.
func (c *cli) completedKeys(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	_, db, err := c.letters()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer func() { _ = db.Close() }()
	all, err := pick(cmd.Context(), db, dlq.Filter{}, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var keys []string
	for _, l := range all[max(0, len(all)-100):] { // the newest are meant
		keys = append(keys, cobra.CompletionWithDesc(l.Short, l.Function+": "+shorten(l.Reason, 60)))
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}
