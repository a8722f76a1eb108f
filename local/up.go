package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/harness"
	"somssi/shared/connect"
)

func (c *cli) up() *cobra.Command {
	var o harness.Options
	var fresh, toZero bool
	var idle time.Duration
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run everything until Ctrl-C",
		Long: `Run everything until Ctrl-C: Kafka, Redis and SQL inside this process, the
functions' own binaries, the page and the API at http://localhost:8080, and a
source for each trigger. What was written is kept in .somssi and there again at
the next start.

With --real the parts are Apache Kafka, redis-server and PostgreSQL, as processes of
their own with their data in .somssi/real; Maven fetches Kafka once. That needs Java
17, Maven, redis-server and PostgreSQL, which go run ./local doctor looks for.

With --watch a function is built again when a file of it, of shared or of go.mod
is saved. The new one takes over when it is ready; the one before finishes what it
has. One that does not build or start changes nothing. A saved template.yaml is
checked, and applied at the next start.

With --scale-to-zero a function whose scale.min is 0 is stopped when it had no
request for the time of --idle, and started for the next, which waits.

With --trace the functions tell of each piece of work, and go run ./local trace
shows it. It costs throughput.

KAFKA_BROKERS, REDIS_URL, DATABASE_URL and OIDC_ISSUER, where they are set, name
running ones to be used instead of the embedded; SSL_CERT_FILE names their CA.`,
		Example: `  go run ./local up
  go run ./local up --fresh
  go run ./local up --real
  go run ./local up --watch
  go run ./local up --trace
  go run ./local up --scale-to-zero --idle 5s
  go run ./local up --port 0 --kafka-port 0 --redis-port 0    on free ports
  DATABASE_URL=postgres://somssi@localhost/somssi go run ./local up
  KAFKA_BROKERS='kafkas://somssi:secret@h1:9093,h2:9093?mechanism=SCRAM-SHA-256' go run ./local up`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Idle, err = idleTime(toZero, idle, cmd.Flags().Changed("idle")); err != nil {
				return err
			}
			if o.Root, err = c.root(); err != nil {
				return err
			}
			if o.State, err = c.stateFolder(); err != nil {
				return err
			}
			if fresh {
				if err := empty(o.State); err != nil {
					return err
				}
			}
			o.Say = c.say
			return c.runUp(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Port, "port", 8080, "port of the page and the API; 0 is any free one")
	flags.IntVar(&o.Parts.Kafka, "kafka-port", 9092, "port of Kafka; 0 is any free one")
	flags.IntVar(&o.Parts.Redis, "redis-port", 6379, "port of Redis; 0 is any free one")
	flags.IntVar(&o.Parts.SQL, "sql-port", 5432, "with --real: port of PostgreSQL; 0 is any free one")
	flags.BoolVar(&o.Real, "real", false, "run Apache Kafka, redis-server and PostgreSQL instead of embedded parts")
	flags.BoolVar(&o.Trace, "trace", false, "keep what the functions did for each request, for go run ./local trace")
	flags.BoolVar(&o.Watch, "watch", false, "build a function again when its files are saved, and let it take over")
	flags.BoolVar(&toZero, "scale-to-zero", false, "stop functions that are idle and start them for the next request")
	flags.DurationVar(&idle, "idle", 30*time.Second, "with --scale-to-zero: after how long; Knative waits 60s")
	flags.BoolVar(&fresh, "fresh", false, "begin with nothing: delete what was kept")
	return cmd
}

// idleTime is after how long idle functions are stopped; 0 is never.
func idleTime(toZero bool, idle time.Duration, given bool) (time.Duration, error) {
	switch {
	case given && !toZero:
		return 0, inputError{errors.New("--idle says when --scale-to-zero stops a function: give both")}
	case !toZero:
		return 0, nil
	case idle <= 0:
		return 0, inputError{fmt.Errorf("--idle %s: give a time above zero, such as 30s", idle)}
	}
	return idle, nil
}

func (c *cli) runUp(ctx context.Context, o harness.Options) error {
	began := time.Now()
	h, err := harness.Start(ctx, o)
	if err != nil {
		return err
	}
	err = c.print(h.Run, func(w io.Writer) { introduce(w, h.Run, o.State, time.Since(began)) })
	if err == nil {
		<-ctx.Done()
		c.say("stopping: what is in flight is finished first")
	}
	if err := h.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	c.say("stopped")
	return err
}

func introduce(w io.Writer, run harness.Run, state string, took time.Duration) {
	fmt.Fprintf(w, `
Somssi is up after %s.

  page and API   %s
  Kafka          %s, topic new_talent_events
  Redis          %s
  SQL            %s
  logs           %s

  send an event from another window:
    echo '{"type":"new_talent","talent_id":9001,"title":"기타 레슨","category":"music"}' | kcat -P -b %s -t new_talent_events
    go run ./local send new_talent_events functions/notify-interested/testdata/guitar-registered.json
  see what became of it:
    go run ./local events
  stop: Ctrl-C

`, took.Round(100*time.Millisecond), run.URL,
		connect.Bare(run.Env["KAFKA_BROKERS"]), connect.Bare(run.Env["REDIS_URL"]), connect.Bare(run.Env["DATABASE_URL"]),
		filepath.Join(state, "logs"), strings.Join(connect.Brokers(run.Env["KAFKA_BROKERS"]), ","))
}

// empty deletes what a harness kept in state.
func empty(state string) error {
	if _, err := harness.Running(state); err == nil {
		return fmt.Errorf("a harness is running with its state in %s: stop it first", state)
	}
	for _, name := range []string{"kafka", "logs", "history", "spans", "somssi.db", "somssi.db-wal", "somssi.db-shm", "run.json", "revisions", "real"} {
		if err := os.RemoveAll(filepath.Join(state, name)); err != nil {
			return fmt.Errorf("delete the old state: %w", err)
		}
	}
	return nil
}
