package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
)

func (c *cli) send() *cobra.Command {
	return &cobra.Command{
		Use:   "send <topic> [file]",
		Short: "Send an event to a topic of the running harness",
		Long: `Send an event to a topic of the running harness: the file, or standard input
where there is none or it is -. A CloudEvent in JSON goes as one, with its
partitionkey as the record's key; anything else goes as a plain message, as
another producer would send it.`,
		Example: `  go run ./local send new_talent_events functions/notify-interested/testdata/guitar-registered.json
  echo '{"type":"new_talent","talent_id":9001,"title":"기타 레슨","category":"music"}' | go run ./local send new_talent_events`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := c.running()
			if err != nil {
				return err
			}
			text, err := input(cmd.InOrStdin(), args[1:])
			if err != nil {
				return inputError{err}
			}
			client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(run.Env["KAFKA_BROKERS"], ",")...), kgo.UnknownTopicRetries(0))
			if err != nil {
				return err
			}
			defer client.Close()
			record, err := client.ProduceSync(cmd.Context(), record(args[0], text)).First()
			if err != nil {
				return fmt.Errorf("send to %s: %w", args[0], err)
			}
			sent := map[string]any{"topic": record.Topic, "partition": record.Partition, "offset": record.Offset}
			return c.print(sent, func(w io.Writer) {
				fmt.Fprintf(w, "sent to %s, partition %d, offset %d\n", record.Topic, record.Partition, record.Offset)
			})
		},
	}
}

func input(standard io.Reader, files []string) ([]byte, error) {
	if len(files) == 0 || files[0] == "-" {
		return io.ReadAll(standard)
	}
	return os.ReadFile(files[0])
}

// isEvent reports whether text is a CloudEvent in JSON, or means to be one.
func isEvent(text []byte) bool {
	var event struct {
		SpecVersion string `json:"specversion"`
	}
	return json.Unmarshal(text, &event) == nil && event.SpecVersion != ""
}

func record(topic string, text []byte) *kgo.Record {
	var event struct {
		PartitionKey string `json:"partitionkey"`
	}
	if isEvent(text) {
		_ = json.Unmarshal(text, &event) // a key that is no text is none
		return shared.Row{Topic: topic, Key: event.PartitionKey, Text: string(text)}.Record()
	}
	return &kgo.Record{Topic: topic, Value: bytes.TrimRight(text, "\n")}
}
