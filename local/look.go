package main

import (
	"context"
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
	"somssi/local/parts"
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
	Name   string `json:"name"` // a tool, or the variable that names a part
	OK     bool   `json:"ok"`
	Needed bool   `json:"needed"` // to run; otherwise only for what For says
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
}

func (c *cli) doctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Say what is missing on this machine, and whether the parts that the environment names can be used",
		Example: "  go run ./local doctor",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := append(diagnose(), lookAround(cmd.Context())...)
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

// lookAround checks the parts that the environment names.
func lookAround(ctx context.Context) (checks []check) {
	for _, part := range parts.Look(ctx) {
		one := check{Name: part.Variable, OK: part.Err == nil, Needed: true, Found: part.Address + " " + part.Found}
		if part.Err != nil {
			one.Found, one.Remedy = part.Address, part.Err.Error()
		}
		checks = append(checks, one)
	}
	return checks
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
		{"java", "java", "for up --real and make test: Apache Kafka, Java 17 or newer", "apt-get install default-jre-headless, or brew install openjdk"},
		{"maven", "mvn", "for up --real and make test: fetches Apache Kafka", "apt-get install maven, or brew install maven"},
		{"redis-server", "redis-server", "for up --real and make test", "apt-get install redis-server, or brew install redis"},
		{"postgres", "initdb /usr/lib/postgresql/*/bin/initdb /opt/homebrew/opt/postgresql@*/bin/initdb", "for up --real and make test", "apt-get install postgresql, or brew install postgresql"},
		{"chromium", "chromium chromium-browser google-chrome", "for make test of the page", "apt-get install chromium, or brew install --cask chromium"},
		{"promtool", "promtool", "for make test of the alerts", "apt-get install prometheus, or brew install prometheus"},
		{"amtool", "amtool", "for make test of the alerts", "apt-get install prometheus-alertmanager, or brew install alertmanager"},
		{"jq", "jq", "for the runbooks", "apt-get install jq, or brew install jq"},
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
