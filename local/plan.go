package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"somssi/local/plan"
	"somssi/local/template"
)

// planned is the answer of plan. Triggers are empty where the template has an error.
type planned struct {
	File        string            `json:"file"`
	Environment string            `json:"environment"`
	Triggers    []plan.Trigger    `json:"triggers"`
	Problems    template.Problems `json:"problems"`
	Facts       map[string]string `json:"facts"` // what is behind each rule of the problems that has a K
}

func (c *cli) plan() *cobra.Command {
	var env, format string
	cmd := &cobra.Command{
		Use:   "plan [file]",
		Short: "Read the delivery policy back: when an event is tried, what it holds up, where it ends, and what bites",
		Long: `Read the delivery policy of template.yaml, or of another file, back: for every trigger
when a failing event is tried again and where it ends, how long it can hold up others,
how many events are in flight at once, and what Knative does that one would not expect.

Exit code 0: nothing is wrong, though there may be warnings; 2: there is an error.`,
		Example: `  go run ./local plan
  go run ./local plan --env prod
  go run ./local plan -o json | jq '.triggers[].delivery.triesMs'
  go run ./local plan --format github    # annotations in a pull request`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "" && format != "github" {
				return inputError{fmt.Errorf("--format %s: the format is github, see -o for others", format)}
			}
			file, err := c.templateFile(args)
			if err != nil {
				return err
			}
			t, found, err := template.Check(file, env)
			if err != nil {
				return inputError{err}
			}
			answer := planned{File: file, Environment: env, Triggers: []plan.Trigger{}, Problems: append(template.Problems{}, found...), Facts: facts(found)}
			if t != nil {
				answer.Triggers = plan.Of(t)
			}
			if format == "github" {
				annotate(c.out, found)
			} else if err := c.print(answer, answer.write); err != nil {
				return err
			}
			if n := found.Count(template.LevelError); n > 0 {
				return inputError{fmt.Errorf("%s has %s", file, number(n, "error"))}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&env, "env", "", "with this environment merged in; without it the file as it is")
	cmd.Flags().StringVar(&format, "format", "", "github: only the problems, as annotations of GitHub Actions")
	return cmd
}

// templateFile is the file that was given, or the repository's, as it is reached from here.
func (c *cli) templateFile(args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	root, err := c.root()
	if err != nil {
		return "", err
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return filepath.Rel(here, filepath.Join(root, "template.yaml"))
}

func facts(found template.Problems) map[string]string {
	known := map[string]string{}
	for _, f := range template.Facts {
		for _, p := range found {
			if p.Rule == f.Rule {
				known[f.Rule] = f.Fact
			}
		}
	}
	return known
}

func (p planned) write(w io.Writer) {
	plan.Write(w, p.Triggers)
	for _, problem := range p.Problems {
		fmt.Fprint(w, problem)
	}
	if len(p.Facts) > 0 {
		fmt.Fprintln(w)
	}
	for _, f := range template.Facts {
		if fact, ok := p.Facts[f.Rule]; ok {
			fmt.Fprintf(w, "%-4s %s\n", f.Rule, fact)
		}
	}
	if len(p.Facts) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s: %s, %s, %s\n", p.File, number(len(p.Triggers), "trigger"),
		number(p.Problems.Count(template.LevelError), "error"), number(p.Problems.Count(template.LevelWarning), "warning"))
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// annotate writes problems as GitHub Actions reads them from the output of a step.
func annotate(w io.Writer, found template.Problems) {
	text := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	for _, p := range found {
		fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", p.Level, property.Replace(filepath.ToSlash(p.File)), p.Line, p.Col, p.Rule,
			text.Replace(p.What+" ("+p.Fix+")"))
	}
}
