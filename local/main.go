// Command local is the harness: it runs the whole house on this machine, under
// the delivery rules of Knative, and looks into what happens.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/knative"
	"somssi/local/template"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit codes: an assertion failed or something did not work, and: what was
// given is wrong and would be again.
const (
	failed = 1
	wrong  = 2
)

func run(ctx context.Context, args []string, out, problems io.Writer) int {
	out, flush := onTerminal(out)
	defer flush()
	problems, flushProblems := onTerminal(problems)
	defer flushProblems()
	cli := &cli{out: out, problems: problems}
	root := cli.command()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(problems)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if code := exited(0); errors.As(err, &code) {
		return int(code)
	}
	cli.tell(err)
	if errors.As(err, new(template.Problems)) || errors.As(err, new(knative.Problems)) || errors.As(err, new(inputError)) {
		return wrong
	}
	return failed
}

// inputError is a mistake in what the caller gave.
type inputError struct{ error }

func (e inputError) Unwrap() error { return e.error }

// cli is what all commands share.
type cli struct {
	out, problems io.Writer
	state, format string
}

func (c *cli) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "local",
		Short: "Run Somssi on this machine, under the delivery rules of Knative",
		Long: `Run Somssi on this machine, under the delivery rules of Knative.

  go run ./local up                 everything, until Ctrl-C
  go run ./local demo               the main job from end to end, then exit
  go run ./local events --follow    what became of each event
  go run ./local why <event id>     what one event did, and why

Exit code 0: it worked; 1: it did not, or an expected figure was not found;
2: what was given is wrong (flags, template.yaml, an event).`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if c.format != "text" && c.format != "json" && (c.format != junit || cmd.Name() != "conformance") {
				return inputError{fmt.Errorf("-o %s: the formats are text and json", c.format)}
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&c.state, "state", ".somssi", "folder for data and logs, inside the repository unless absolute")
	root.PersistentFlags().StringVarP(&c.format, "output", "o", "text", "format of the answer: text or json")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return inputError{fmt.Errorf("%w\n\nsee: go run ./%s --help", err, cmd.CommandPath())}
	})
	c.addCommands(root)
	return root
}

// addCommands adds the commands, in the groups in which help shows them.
func (c *cli) addCommands(root *cobra.Command) {
	for _, group := range []struct {
		title    string
		commands []*cobra.Command
	}{
		{"Run", []*cobra.Command{c.up(), c.demo(), c.env(), c.rebuild(), c.doctor()}},
		{"Send events", []*cobra.Command{c.gen(), c.send(), c.invoke(), c.replay(), c.capture()}},
		{"See what became of them", []*cobra.Command{c.events(), c.why(), c.trace(), c.status(), c.dlq()}},
		{"Hold them", []*cobra.Command{c.pause(), c.resume(), c.step(), c.breakOn()}},
		{"Deploy", []*cobra.Command{c.render(), c.diff(), c.source(), c.probe()}},
		{"Check", []*cobra.Command{c.plan(), c.conformance(), c.chaos(), c.parts()}},
	} {
		root.AddGroup(&cobra.Group{ID: group.title, Title: group.title + ":"})
		for _, command := range group.commands {
			command.GroupID = group.title
			root.AddCommand(command)
		}
	}
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp))
	c.finish(root)
}

// finish gives to all commands below one what all have alike.
func (c *cli) finish(command *cobra.Command) {
	for _, sub := range command.Commands() {
		sub.Args = wrongArgs(sub.Args)
		if sub.Flags().Lookup("function") != nil {
			_ = sub.RegisterFlagCompletionFunc("function", c.completedFlag(functionsOf))
		}
		c.finish(sub)
	}
}

// wrongArgs makes a wrong number of arguments a mistake of the caller.
func wrongArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return inputError{fmt.Errorf("%w\n\nusage: go run ./%s", err, cmd.UseLine())}
		}
		return nil
	}
}

func (c *cli) json() bool { return c.format == "json" }

// print writes v as JSON where that was asked for, else what text writes.
func (c *cli) print(v any, text func(w io.Writer)) error {
	if !c.json() {
		text(c.out)
		return nil
	}
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// say tells a person what goes on; it is not part of the answer.
func (c *cli) say(format string, args ...any) { fmt.Fprintf(c.problems, format+"\n", args...) }

// slow runs do, and says what goes on where that takes longer than a second.
func (c *cli) slow(do func() error, format string, args ...any) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Second):
		c.say(format, args...)
		return <-done
	}
}

func (c *cli) tell(err error) {
	var listed template.Problems
	switch {
	case !c.json() && errors.As(err, &listed):
		c.say("%v", listed)
	case !c.json():
		c.say("error: %v", err)
	default:
		answer := struct {
			Error    string            `json:"error"`
			Problems template.Problems `json:"problems,omitempty"`
		}{Error: err.Error()}
		errors.As(err, &answer.Problems)
		_ = json.NewEncoder(c.problems).Encode(answer)
	}
}

// root is the repository's folder: this one, or the nearest above it.
func (c *cli) root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for here := dir; ; here = filepath.Dir(here) {
		if _, err := os.Stat(filepath.Join(here, "template.yaml")); err == nil {
			return here, nil
		}
		if here == filepath.Dir(here) {
			return "", inputError{fmt.Errorf("no template.yaml in %s or above it: run this in the repository", dir)}
		}
	}
}

// stateFolder is where the harness keeps what it has.
func (c *cli) stateFolder() (string, error) {
	if filepath.IsAbs(c.state) {
		return c.state, nil
	}
	root, err := c.root()
	return filepath.Join(root, c.state), err
}
