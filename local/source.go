package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"text/tabwriter"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"somssi/local/conformance"
	"somssi/local/harness"
	"somssi/shared/connect"
)

// sourcing are the flags of source.
type sourcing struct {
	against, plan, ingress string
	kafka                  []string
	at                     map[string]string
	cluster                harness.Cluster
	port                   int
}

func (c *cli) source() *cobra.Command {
	var s sourcing
	cmd := &cobra.Command{
		Use:   "source",
		Short: "Dispatch Kafka's records to a cluster in the place of Knative, until Ctrl-C",
		Long: `Dispatch Kafka's records in the place of Knative's dispatcher, until Ctrl-C.

With --against cluster the functions of an environment of template.yaml run in a
cluster that has no dispatcher for KafkaSource: a source for each Kafka trigger runs
here, with the settings that are rendered for it, and delivers to the functions and to
the dead letter sink through Knative's ingress. Kafka is that of KAFKA_BROKERS; topics
that are missing are made. The page and the API are at one address of this machine, as
with up, and events, why, status, pause and the like show and hold what goes on. With
--issuer the functions find the development issuer at an address of this machine, where
it gives no tokens: OIDC_ISSUER in their Secrets is http://<address>/dev.

With --plan it does what a plan of the conformance command says: makes the topics,
writes what precedes, starts a source for each entry, and prints "ready" once all of
them are in their groups. It shows how another dispatcher is tested.`,
		Example: `  KAFKA_BROKERS=10.0.0.1:9092 go run ./local source --against cluster --env lab --ingress http://10.96.0.80 --at stream-inbox=http://10.96.0.81 --issuer 10.0.0.1:8081

  go run ./local conformance --plan -o json --kafka localhost:9092 --listen 127.0.0.1:7070 > plan.json
  go run ./local source --plan plan.json --kafka localhost:9092`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case (s.against == "") == (s.plan == ""):
				return inputError{errors.New("give either --against cluster, or --plan with the file that conformance --plan -o json wrote")}
			case s.plan != "":
				return c.followPlan(cmd.Context(), s.plan, s.kafka)
			case s.against != "cluster":
				return inputError{fmt.Errorf("--against %s: there is only cluster", s.against)}
			}
			return c.sourceAgainst(cmd.Context(), s)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&s.against, "against", "", "cluster: deliver to the functions that run there")
	flags.StringVar(&s.cluster.Env, "env", "prod", "with --against: the environment of template.yaml that is deployed")
	flags.StringVar(&s.ingress, "ingress", "", "with --against: the address of Knative's ingress for requests from inside of the cluster, such as http://10.96.0.80")
	flags.StringToStringVar(&s.at, "at", nil, "with --against: function=address of one that is not behind the ingress; the one with streams is not")
	flags.StringVar(&s.cluster.Issuer, "issuer", "", "with --against: host:port of this machine at which functions find the development issuer")
	flags.IntVar(&s.port, "port", 8080, "with --against: port of the page and the API; 0 is any free one")
	flags.StringVar(&s.plan, "plan", "", "file with a plan as JSON")
	flags.StringSliceVar(&s.kafka, "kafka", nil, "with --plan: its address, as KAFKA_BROKERS has it, instead of that of the plan")
	return cmd
}

func (c *cli) sourceAgainst(ctx context.Context, s sourcing) error {
	o := harness.Options{Port: s.port, Say: c.say}
	var err error
	if s.cluster.Ingress, err = address("--ingress", s.ingress); err != nil {
		return err
	}
	s.cluster.At = map[string]*url.URL{}
	for name, text := range s.at {
		if s.cluster.At[name], err = address("--at "+name, text); err != nil {
			return err
		}
	}
	if o.Root, err = c.root(); err != nil {
		return err
	}
	if o.State, err = c.stateFolder(); err != nil {
		return err
	}
	h, err := harness.Against(ctx, o, s.cluster)
	if err != nil {
		return err
	}
	err = c.print(h.Run, func(w io.Writer) {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintf(table, "Sources of environment %s are in their groups.\n\n", s.cluster.Env)
		fmt.Fprintf(table, "  page and API\t%s\n  Kafka\t%s\n  functions\t%s\n  issuer\t%s\n", h.Run.URL, connect.Bare(h.Run.Env["KAFKA_BROKERS"]), s.ingress, h.Run.Env["OIDC_ISSUER"])
		_ = table.Flush()
	})
	if err == nil {
		<-ctx.Done()
		c.say("stopping: what is in flight is finished first")
	}
	return errors.Join(err, h.Stop(context.WithoutCancel(ctx)))
}

// address reads a flag with where something in a cluster is reached.
func address(flag, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return nil, inputError{fmt.Errorf("%s %q: give an address such as http://10.96.0.80", flag, text)}
	}
	return u, nil
}

func (c *cli) followPlan(ctx context.Context, file string, kafka []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return inputError{err}
	}
	var plan conformance.Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return inputError{fmt.Errorf("read the plan %s: %w", file, err)}
	}
	log := zerolog.New(c.problems).Level(zerolog.WarnLevel)
	return plan.Follow(ctx, kafka, log, func() { fmt.Fprintln(c.out, "ready") })
}
