package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"somssi/local/capture"
	"somssi/local/filter"
)

type captureOptions struct {
	kafka, topic, from, where, scrubFile, out, seed string
	n                                               int
	scrub                                           []string
	force                                           bool
}

func (c *cli) capture() *cobra.Command {
	var o captureOptions
	cmd := &cobra.Command{
		Use:   "capture --topic <topic>",
		Short: "Make test files of the events in a topic of any Kafka",
		Long: `Make test files of the events in a topic of any Kafka, one event a file, as a
function's tests load them; a plain message as the event that its source makes of
it. Nothing is written to that Kafka, and no consumer group is joined.

--scrub replaces fields by values of the same type and shape: data.title,
data.was.title, subject, or data for all of it; lists are walked through. The same
value is replaced by the same one in all files, also inside longer ones
(subject talent/1001 and data.talentId 1001), so that they still belong together;
0, empty and null stay, and booleans become false. A field that no event has is an
error, unless it ends with ?. What replaces what follows from a key that is
forgotten, or with --seed from the seed.`,
		Example: `  go run ./local capture --topic new_talent_events -n 5 --out functions/update-stats/testdata
  go run ./local capture --kafka kafka.example:9092 --topic new_talent_events --from 2026-11-22T09:00:00Z \
    --where "type = 'somssi.talent.closed.v1'" --scrub subject,partitionkey,data.talentId,data.sellerId,data.title
  go run ./local capture --topic new_talent_events --scrub-file scrub.txt --force`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.runCapture(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.kafka, "kafka", "", "its address, as KAFKA_BROKERS has it; unless given the running harness's")
	flags.StringVar(&o.topic, "topic", "", "the topic")
	_ = cmd.RegisterFlagCompletionFunc("topic", c.completedFlag(topicsOf))
	flags.StringVar(&o.from, "from", "beginning", "beginning, an offset of each partition, or a time such as 2026-11-22T09:00:00Z")
	flags.IntVarP(&o.n, "count", "n", 50, "at most so many events")
	flags.StringVar(&o.where, "where", "", "only events for which this CloudEvents SQL is true")
	flags.StringSliceVar(&o.scrub, "scrub", nil, "fields to be replaced, by commas")
	flags.StringVar(&o.scrubFile, "scrub-file", "", "file with fields to be replaced, one on a line; # begins a comment")
	flags.StringVar(&o.seed, "seed", "", "make the same replacements again; whoever knows it can find out what was replaced")
	flags.StringVar(&o.out, "out", "testdata", "folder for the files")
	flags.BoolVar(&o.force, "force", false, "write over files that are there")
	return cmd
}

// captured is the answer of capture.
type captured struct {
	Read     int      `json:"read"`     // records looked at
	Captured int      `json:"captured"` // events in files
	Files    []string `json:"files"`
}

func (c *cli) runCapture(ctx context.Context, o captureOptions) error {
	names, err := o.fields()
	if err != nil {
		return inputError{err}
	}
	fields, err := capture.ParseFields(names)
	if err != nil {
		return inputError{err}
	}
	which, err := o.since()
	if err != nil {
		return inputError{err}
	}
	if o.topic == "" || o.n < 1 || o.n > 10_000 {
		return inputError{errors.New("--topic is needed, and -n from 1 to 10,000")}
	}
	where := func(map[string]string) bool { return true }
	if o.where != "" {
		f, err := filter.Compile([]filter.Spec{{CESQL: o.where}}, nil)
		if err != nil {
			return inputError{fmt.Errorf("--where: %w", err)}
		}
		where = func(attributes map[string]string) bool { pass, _ := f.Match(attributes); return pass }
	}
	config, err := c.captureConfig(o)
	if err != nil {
		return err
	}
	events, read, err := c.readEvents(ctx, config, which, o.n, where)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("no event captured: %d records of %s were read and none was wanted", read, o.topic)
	}
	files, err := makeFiles(events, capture.NewScrubber(o.seed), fields)
	if err != nil {
		return inputError{err}
	}
	c.warn(files, names)
	answer := captured{Read: read, Captured: len(files)}
	if answer.Files, err = writeFiles(o.out, files, o.force); err != nil {
		return err
	}
	return c.print(answer, func(w io.Writer) {
		for _, name := range answer.Files {
			fmt.Fprintln(w, name)
		}
	})
}
