package harness

import (
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"somssi/local/filter"
	"somssi/local/source"
	"somssi/local/template"
)

// kafkaSource is what a Kafka trigger says as a KafkaSource, with the addresses
// that it would have in the cluster.
func (h *Harness) kafkaSource(function, name string, k template.Kafka, log zerolog.Logger) source.Config {
	c := h.toFunction(function, name, k.Delivery, log)
	c.Topics, c.Group = k.Topics, k.Group
	c.Latest, c.Ordered = k.From == "latest", k.Ordering == "ordered"
	return c
}

// brokerTrigger is what a broker trigger says as a Trigger, in the group that
// Knative gives it.
func (h *Harness) brokerTrigger(function, name string, b template.Broker, log zerolog.Logger) (source.Config, error) {
	c := h.toFunction(function, name, b.Delivery, log)
	c.Topics, c.Group = []string{b.Topic}, "knative-trigger-"+c.Namespace+"-"+c.Name
	c.Trigger, c.Latest, c.Ordered = true, true, b.Ordering == "ordered"
	if len(b.Filters) > 0 || len(b.Attributes) > 0 {
		f, err := filter.Compile(b.Filters, b.Attributes)
		if err != nil {
			return c, fmt.Errorf("filter of %s/%s: %w", function, name, err)
		}
		c.Filter = f.Match
	}
	return c, nil
}

// toFunction is what both have.
func (h *Harness) toFunction(function, name string, d template.Delivery, log zerolog.Logger) source.Config {
	c := source.Config{
		Name: function + "-" + name, Namespace: h.house.Namespace,
		Brokers: strings.Split(h.Run.Env["KAFKA_BROKERS"], ","),
		Sink:    address(function, h.house.Namespace),
		Delivery: source.Delivery{
			Retry: d.Retry, Exponential: d.BackoffPolicy == "exponential",
			Delay: time.Duration(d.BackoffDelay), Timeout: time.Duration(d.Timeout),
		},
		Transport: h.runner, Log: log.Level(zerolog.WarnLevel),
	}
	if d.DeadLetter.Function != "" {
		c.DeadLetterSink = address(d.DeadLetter.Function, h.house.Namespace)
	}
	return c
}
