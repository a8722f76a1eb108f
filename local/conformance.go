package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/conformance"
)

// junit is the one format that only the conformance command has.
const junit = "junit"

func (c *cli) conformance() *cobra.Command {
	var o conformance.Options
	var list, plan bool
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Hold the source, or another dispatcher, against Knative's contract",
		Long: `Hold the source against the contract of Knative's KafkaSource and of a Trigger of
a Kafka-class Broker: each case of it, beside each other, with an answer to each.

Without flags it is the source of this harness, in this process, on an embedded
Kafka. With --external it is whatever dispatches elsewhere: set that up from what
--plan prints, with the same flags, let it get ready, and then run the cases. They
want topics that nobody used before: give each run a --prefix of its own.

With --cluster it is Knative in the cluster that kubectl talks to: the resources
of each case are applied, waited for, and removed with its topics. The namespace
must be there, and --kafka must be reachable under the same name from here.

Exit code 0: no case failed; 1: one did; 2: what was given is wrong.`,
		Example: `  go run ./local conformance
  go run ./local conformance --case D --case R21
  go run ./local conformance -o junit > conformance.xml
  go run ./local conformance --list

  go run ./local conformance --plan -o json --kafka kafka:9092 --listen 192.168.1.5:7070 > plan.json
  go run ./local conformance --external     --kafka kafka:9092 --listen 192.168.1.5:7070
  go run ./local conformance --cluster      --kafka kafka:9092 --listen 192.168.1.5:7070 --namespace try`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cases, err := conformance.Selected(o.Select)
			if err != nil {
				return inputError{err}
			}
			switch {
			case list:
				return c.listCases(cases)
			case plan:
				return c.planCases(o)
			}
			return c.runCases(cmd, o)
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&o.Select, "case", nil, "only these: ids, beginnings of ids, or sections")
	flags.BoolVar(&list, "list", false, "list the cases, and what is none, and run nothing")
	flags.BoolVar(&plan, "plan", false, "print how a dispatcher must be set up for --external, and run nothing")
	flags.BoolVar(&o.External, "external", false, "leave the dispatching to what was set up from --plan")
	flags.BoolVar(&o.Cluster, "cluster", false, "leave the dispatching to Knative in the cluster that kubectl talks to")
	flags.DurationVar(&o.Wait, "wait", 0, "how long to wait for each thing that must come (default 1m, elsewhere 90s)")
	flags.StringSliceVar(&o.Kafka, "kafka", nil, "its address, as KAFKA_BROKERS has it, instead of an embedded Kafka")
	flags.StringVar(&o.Listen, "listen", "", "host:port of the sinks, as the dispatcher reaches it; the two ports after it are used too")
	flags.StringVar(&o.Prefix, "prefix", "", "begins all names of topics, groups and resources")
	flags.StringVar(&o.Namespace, "namespace", "", "of all resources")
	return cmd
}

func (c *cli) listCases(cases []conformance.Case) error {
	answer := struct {
		Cases    []conformance.Case      `json:"cases"`
		Excluded []conformance.Exclusion `json:"excluded"`
	}{cases, conformance.Excluded()}
	return c.print(answer, func(w io.Writer) {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, one := range cases {
			fmt.Fprintf(table, "%s\t%s\tgiven %s\n\t\twhen %s\n\t\tthen %s\n\t\tsee %s\n", one.ID, one.Section, one.Given, one.When, one.Then, one.Upstream)
		}
		_ = table.Flush()
		fmt.Fprintln(w, "\nnot among them, on purpose:")
		for _, one := range answer.Excluded {
			fmt.Fprintf(w, "  %s: %s\n", one.What, one.Why)
		}
	})
}

func (c *cli) planCases(o conformance.Options) error {
	if err := reachable(o); err != nil {
		return err
	}
	plan, err := conformance.NewPlan(o)
	if err != nil {
		return err
	}
	return c.print(plan, func(w io.Writer) {
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "CASE\tPROFILE\tTOPICS\tGROUP\tORDERING\tFROM\tRETRY\tSINK\tDEAD LETTER SINK")
		for _, p := range plan.Cases {
			var topics []string
			for _, t := range p.Topics {
				topics = append(topics, fmt.Sprintf("%s/%d", t.Name, t.Partitions))
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d %s %s\t%s\t%s\n", p.ID, p.Profile, strings.Join(topics, " "), p.Group, p.Ordering, p.InitialOffset,
				p.Retry, p.BackoffPolicy, p.BackoffDelay, p.Sink, p.DeadLetterSink)
		}
		_ = table.Flush()
		fmt.Fprintln(w, "\nthe rest of it, such as filters and what precedes a case, is in -o json")
	})
}

// reachable wants to know where everything is, for a dispatcher that is
// elsewhere.
func reachable(o conformance.Options) error {
	if len(o.Kafka) == 0 || o.Listen == "" {
		return inputError{errors.New("another dispatcher needs --kafka and --listen, for --plan and --external the same")}
	}
	host, port, err := net.SplitHostPort(o.Listen)
	if err != nil {
		return inputError{fmt.Errorf("--listen: %w", err)}
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) || port == "0" {
		return inputError{fmt.Errorf("--listen %s: it is part of the sinks' URLs, so give the host and port at which the dispatcher reaches this machine", o.Listen)}
	}
	return nil
}

func (c *cli) runCases(cmd *cobra.Command, o conformance.Options) error {
	if o.External && o.Cluster {
		return inputError{errors.New("--external and --cluster are two ways to dispatch: choose one")}
	}
	if o.External || o.Cluster {
		if err := reachable(o); err != nil {
			return err
		}
	}
	began, told, done, failures := time.Now(), time.Now(), 0, 0
	o.Done = func(r conformance.Result, all int) {
		done++
		if r.Result == conformance.Fail {
			failures++
		}
		if time.Since(told) > time.Second {
			told = time.Now()
			c.say("%d of %d cases, %d failed, %s", done, all, failures, time.Since(began).Round(time.Second))
		}
	}
	results, err := conformance.Run(cmd.Context(), o)
	if err != nil && len(results) == 0 {
		return err
	}
	switch c.format {
	case junit:
		err = errors.Join(err, conformance.JUnit(c.out, results))
	default:
		err = errors.Join(err, c.print(struct {
			Cases []conformance.Result `json:"cases"`
		}{results}, func(w io.Writer) { conformance.Table(w, results) }))
	}
	if n := conformance.Failed(results); n > 0 && err == nil {
		err = fmt.Errorf("%d of %d cases failed", n, len(results))
	}
	return err
}
