package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
	"somssi/shared/connect"
)

type sendOptions struct {
	key     string
	headers []string
	wait    bool
	expect  string
	timeout time.Duration
}

func (c *cli) send() *cobra.Command {
	var o sendOptions
	cmd := &cobra.Command{
		Use:   "send <topic> [file]",
		Short: "Send events to a topic of the running harness, and wait for their fate",
		Long: `Send events to a topic of the running harness: the file, or standard input where
there is none or it is -. A CloudEvent in JSON goes as one, with its partitionkey as
the record's key; anything else goes as a plain message, as another producer would
send it. Of a JSON array each element is one, and of lines of JSON each line.

--wait waits until every function with a trigger on the topic is through with each
of them. --expect, which waits too, says what fate is right: one for all functions,
or some by name, such as notify-interested=done,update-stats="dead letter". Without
it done and filtered are right. Exit code 1: another fate, or the time is over.`,
		Example: `  go run ./local send new_talent_events functions/notify-interested/testdata/guitar-registered.json --wait
  echo '{"type":"new_talent","talent_id":9001,"title":"기타 레슨","category":"music"}' | go run ./local send new_talent_events
  go run ./local gen somssi.talent.registered.v1 -n 100 | go run ./local send new_talent_events - --wait --timeout 1m
  go run ./local send new_talent_events poison.json --expect 'update-stats=dead letter,notify-interested=dead letter'`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completed(topicsOf),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.wait = o.wait || cmd.Flags().Changed("expect") || cmd.Flags().Changed("timeout")
			return c.runSend(cmd, args[0], args[1:], o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.key, "key", "", "the record's key")
	flags.StringArrayVar(&o.headers, "header", nil, "a header of the record, name=value; again for another")
	flags.BoolVar(&o.wait, "wait", false, "wait until all functions are through with it")
	flags.StringVar(&o.expect, "expect", "", `the right fate: done, "dead letter", lost, filtered or discarded, or function=fate by commas`)
	flags.DurationVar(&o.timeout, "timeout", 30*time.Second, "how long to wait at most")
	return cmd
}

func (c *cli) runSend(cmd *cobra.Command, topic string, files []string, o sendOptions) error {
	run, err := c.running()
	if err != nil {
		return err
	}
	text, err := input(cmd.InOrStdin(), files)
	if err != nil {
		return inputError{err}
	}
	records, err := o.records(topic, text)
	if err != nil {
		return inputError{err}
	}
	var w *waiting
	if o.wait {
		if w, err = c.prepare(run, topic, o); err != nil {
			return err
		}
	}
	if err := c.produce(cmd.Context(), run, records); err != nil {
		return err
	}
	if o.wait {
		return c.awaitFates(cmd.Context(), run, w, records)
	}
	if len(records) == 1 {
		return c.print(placeOf(records[0]), func(w io.Writer) {
			fmt.Fprintf(w, "sent to %s, partition %d, offset %d\n", topic, records[0].Partition, records[0].Offset)
		})
	}
	all := make([]place, len(records))
	for i, r := range records {
		all[i] = placeOf(r)
	}
	return c.print(all, func(w io.Writer) { fmt.Fprintf(w, "sent %d to %s\n", len(all), topic) })
}

// place is where a record went.
type place struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

func placeOf(r *kgo.Record) place { return place{r.Topic, r.Partition, r.Offset} }

func input(standard io.Reader, files []string) ([]byte, error) {
	if len(files) == 0 || files[0] == "-" {
		return io.ReadAll(standard)
	}
	return os.ReadFile(files[0])
}

// produce writes the records, each of which then has its partition and offset.
func (c *cli) produce(ctx context.Context, run harness.Run, records []*kgo.Record) error {
	address := run.Env["KAFKA_BROKERS"]
	options, err := connect.Kafka(address)
	if err != nil {
		return err
	}
	client, err := kgo.NewClient(append(options, kgo.UnknownTopicRetries(0))...)
	if err != nil {
		return err
	}
	defer client.Close()
	said := time.Now()
	for done := 0; done < len(records); {
		some := records[done:min(done+500, len(records))]
		if err := client.ProduceSync(ctx, some...).FirstErr(); err != nil {
			return fmt.Errorf("send to %s: %w", records[0].Topic, connect.Unreachable("Kafka", address, err))
		}
		if done += len(some); time.Since(said) > time.Second {
			said = time.Now()
			c.say("%d of %d sent", done, len(records))
		}
	}
	return nil
}
