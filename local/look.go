package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
	"somssi/local/template"
)

func (c *cli) env() *cobra.Command {
	return &cobra.Command{
		Use:     "env",
		Short:   "Print how the running harness is reached, for a shell to read",
		Example: "  eval \"$(go run ./local env)\" && redis-cli -u \"$REDIS_URL\" keys '*'\n  go run ./local env -o json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			run, err := c.running()
			if err != nil {
				return err
			}
			answer := map[string]any{"functions": run.Functions}
			for name, value := range run.Env {
				answer[name] = value
			}
			return c.print(answer, func(w io.Writer) {
				for _, name := range slices.Sorted(maps.Keys(run.Env)) {
					fmt.Fprintf(w, "export %s='%s'\n", name, run.Env[name])
				}
			})
		},
	}
}

func (c *cli) events() *cobra.Command {
	var function, fate string
	var last int
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List what became of each event at each function",
		Example: `  go run ./local events
  go run ./local events --fate "dead letter"
  go run ./local events --follow --function notify-interested`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			run, err := c.running()
			if err != nil {
				return err
			}
			wanted := func(d harness.Delivery) bool {
				return (function == "" || d.Function == function) && (fate == "" || d.Fate == fate)
			}
			var all []harness.Delivery
			if err := harness.Get(run, "/dev/events", &all); err != nil {
				return err
			}
			seen := 0
			if len(all) > 0 {
				seen = all[len(all)-1].Number
			}
			all = slices.DeleteFunc(all, func(d harness.Delivery) bool { return !wanted(d) })
			all = all[max(0, len(all)-last):]
			if !follow {
				return c.print(all, func(w io.Writer) { listEvents(w, all) })
			}
			listEvents(c.out, all)
			for cmd.Context().Err() == nil {
				var more []harness.Delivery
				if err := harness.Get(run, fmt.Sprintf("/dev/events?after=%d", seen), &more); err != nil {
					return err
				}
				for _, d := range more {
					if seen = d.Number; wanted(d) {
						fmt.Fprintln(c.out, strings.Join(columns(d), "  "))
					}
				}
				select {
				case <-cmd.Context().Done():
				case <-time.After(200 * time.Millisecond):
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&function, "function", "", "only this function's")
	cmd.Flags().StringVar(&fate, "fate", "", `only this fate's: done, "dead letter" or lost`)
	cmd.Flags().IntVarP(&last, "last", "n", 50, "at most so many, the newest")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	return cmd
}

func listEvents(w io.Writer, all []harness.Delivery) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no event yet: register a talent on the page, or see go run ./local send --help")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tFUNCTION\tFATE\tTRIES\tMS\tTYPE\tEVENT\tWHERE\tWHY")
	for _, d := range all {
		fmt.Fprintln(table, strings.Join(columns(d), "\t"))
	}
	_ = table.Flush()
}

func columns(d harness.Delivery) []string {
	var ms int64
	why := ""
	for _, a := range d.Attempts {
		ms += a.WaitMs + a.TookMs
		if a.Status >= 300 {
			why = fmt.Sprint(a.Status)
		} else if a.Error != "" {
			why = a.Error
		}
	}
	return []string{
		d.At.Local().Format("15:04:05.000"), d.Function, d.Fate, fmt.Sprint(len(d.Attempts)), fmt.Sprint(ms), d.Type, d.Event,
		fmt.Sprintf("%s/%d@%d", d.Topic, d.Partition, d.Offset), why,
	}
}

func (c *cli) rebuild() *cobra.Command {
	return &cobra.Command{
		Use:     "rebuild [function...]",
		Short:   "Make views in Redis again from SQL",
		Long:    "Make views in Redis again from SQL, beside the deliveries that go on: those of the given\nfunctions, or of all that have `rebuild: true` in template.yaml.",
		Example: "  redis-cli -u \"$REDIS_URL\" flushall && go run ./local rebuild",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, names []string) error {
			run, err := c.running()
			if err != nil {
				return err
			}
			root, err := c.root()
			if err != nil {
				return err
			}
			t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
			if err != nil {
				return err
			}
			if len(names) == 0 {
				names = slices.DeleteFunc(t.Names(), func(name string) bool { return !t.Functions[name].Rebuild })
			}
			var env []string
			for name, value := range run.Env {
				env = append(env, name+"="+value)
			}
			for _, name := range names {
				if !t.Functions[name].Rebuild {
					return inputError{fmt.Errorf("%s has no view to rebuild: no `rebuild: true` in template.yaml", name)}
				}
				began := time.Now()
				if err := harness.Rebuild(cmd.Context(), filepath.Join(harness.Binaries(root), name), env); err != nil {
					return err
				}
				c.say("rebuilt the views of %s in %s", name, time.Since(began).Round(time.Millisecond))
			}
			return nil
		},
	}
}

// check is one thing that doctor looks at.
type check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // to run; otherwise only for what For says
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

func (c *cli) doctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say what is missing on this machine, and how to get it",
		Example: "  go run ./local doctor",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			checks := diagnose()
			err := c.print(checks, func(w io.Writer) {
				table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				for _, one := range checks {
					mark := map[bool]string{true: "ok", false: "missing"}[one.OK]
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", mark, one.Name, one.Found, one.Remedy)
				}
				_ = table.Flush()
			})
			for _, one := range checks {
				if err == nil && one.Needed && !one.OK {
					err = fmt.Errorf("%s is needed: %s", one.Name, one.Remedy)
				}
			}
			return err
		},
	}
}

func diagnose() []check {
	checks := []check{{Name: "go", OK: true, Needed: true, Found: runtime.Version()}}
	if _, err := exec.LookPath("go"); err != nil {
		checks[0] = check{Name: "go", Needed: true, Remedy: "install Go 1.26 or newer from https://go.dev/dl and put it on the PATH"}
	}
	if _, err := os.Stat("template.yaml"); err != nil {
		checks = append(checks, check{Name: "repository", Needed: true, Remedy: "run this in the folder that has template.yaml"})
	}
	for _, tool := range []struct{ name, commands, what, get string }{
		{"kcat", "kcat kafkacat", "to write to Kafka by hand", "apt-get install kcat, or brew install kcat"},
		{"redis-server", "redis-server", "for make test on a real Redis", "apt-get install redis-server, or brew install redis"},
		{"postgres", "initdb /usr/lib/postgresql/*/bin/initdb", "for make test on a real PostgreSQL", "apt-get install postgresql, or brew install postgresql"},
		{"chromium", "chromium chromium-browser google-chrome", "for make test of the page", "apt-get install chromium, or brew install --cask chromium"},
	} {
		one := check{Name: tool.name, Found: tool.what, Remedy: tool.get}
		for _, command := range strings.Fields(tool.commands) {
			found, _ := filepath.Glob(command)
			path, err := exec.LookPath(command)
			if err == nil || len(found) > 0 {
				one = check{Name: tool.name, OK: true, Found: strings.Join(append(found, path), "")}
				break
			}
		}
		checks = append(checks, one)
	}
	return checks
}
