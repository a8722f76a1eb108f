package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/capture"
	"somssi/local/filter"
	"somssi/local/manifest"
	"somssi/local/source"
	"somssi/local/template"
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
	flags.StringVar(&o.kafka, "kafka", "", "host:port of brokers, by commas; unless given the running harness's")
	flags.StringVar(&o.topic, "topic", "", "the topic")
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

// fields are those of --scrub and --scrub-file.
func (o captureOptions) fields() ([]string, error) {
	all := o.scrub
	if o.scrubFile == "" {
		return all, nil
	}
	text, err := os.ReadFile(o.scrubFile)
	if err != nil {
		return nil, err
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all, nil
}

// since is where --from says to begin.
func (o captureOptions) since() (source.Range, error) {
	which := source.Range{Partition: -1}
	if o.from == "beginning" {
		return which, nil
	}
	var err error
	if which.From, err = strconv.ParseInt(o.from, 10, 64); err == nil && which.From >= 0 {
		return which, nil
	}
	if which.Since, err = time.Parse(time.RFC3339, o.from); err != nil {
		return which, fmt.Errorf("--from %s: beginning, an offset, or a time such as 2026-11-22T09:00:00Z", o.from)
	}
	return which, nil
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

// captureConfig is how Kafka is reached, and the name of the source that plain
// messages are wrapped by: the first one that reads the topic.
func (c *cli) captureConfig(o captureOptions) (source.Config, error) {
	config := source.Config{Name: "capture", Namespace: "default", Topics: []string{o.topic}, Log: zerolog.Nop(),
		KafkaOpts: []kgo.Opt{kgo.RetryTimeout(5 * time.Second), kgo.UnknownTopicRetries(0)}}
	if o.kafka == "" {
		run, err := c.running()
		if err != nil {
			return config, fmt.Errorf("%w, or name another Kafka with --kafka", err)
		}
		o.kafka = run.Env["KAFKA_BROKERS"]
	}
	config.Brokers = strings.Split(o.kafka, ",")
	root, err := c.root()
	if err != nil { // another Kafka can be read from anywhere
		return config, nil
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return config, err
	}
	config.Namespace = t.Namespace
	for _, function := range slices.Backward(t.Names()) {
		triggers := t.Functions[function].Triggers
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(triggers))) {
			if k := triggers[name].Kafka; k == nil || !slices.Contains(k.Topics, o.topic) {
				continue
			}
			as, err := manifest.Config(t, function, name, config.Brokers)
			if err != nil {
				return config, err
			}
			config.Name, config.KeyType, config.Overrides = as.Name, as.KeyType, as.Overrides
		}
	}
	return config, nil
}

// readEvents reads until it has n events that are wanted, or the end.
func (c *cli) readEvents(ctx context.Context, config source.Config, which source.Range, n int, where func(map[string]string) bool) (events []source.Event, read int, err error) {
	said := time.Now()
	err = source.Read(ctx, config, which, func(r *kgo.Record) bool {
		read++
		if e, _ := source.Convert(config, r); where(e.Attributes) {
			events = append(events, e)
		}
		return len(events) < n
	}, func(behind, all int64) {
		if time.Since(said) > time.Second {
			said = time.Now()
			c.say("%d of %d records read, %d captured", behind, all, len(events))
		}
	})
	if err != nil {
		err = fmt.Errorf("capture from %s: %w", strings.Join(config.Brokers, ","), err)
	}
	return events, read, err
}
