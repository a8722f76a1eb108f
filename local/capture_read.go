package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/manifest"
	"somssi/local/source"
	"somssi/local/template"
	"somssi/shared/connect"
)

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
	options, err := connect.Kafka(o.kafka)
	if err != nil {
		return config, inputError{err}
	}
	config.Brokers, config.KafkaOpts = connect.Brokers(o.kafka), append(config.KafkaOpts, options...)
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
		err = fmt.Errorf("capture: %w", connect.Unreachable("Kafka", strings.Join(config.Brokers, ","), err))
	}
	return events, read, err
}
