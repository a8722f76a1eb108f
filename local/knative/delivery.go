package knative

import (
	"fmt"
	"time"

	"somssi/local/source"
)

// Delivery is what becomes of an event that the sink did not take. An empty
// text is a field that is not there. Durations are ISO 8601 and count in whole
// tenths of a second.
type Delivery struct {
	DeadLetterSink *Destination `json:"deadLetterSink,omitempty"`
	// Retry is how many attempts may follow the first; nil is none.
	Retry *int32 `json:"retry,omitempty"`
	// BackoffPolicy is linear or exponential; "" is exponential.
	BackoffPolicy string `json:"backoffPolicy,omitempty"`
	// BackoffDelay counts only beside Retry; "" is 200 ms then.
	BackoffDelay string `json:"backoffDelay,omitempty"`
	// Timeout bounds each attempt by itself; "" is 600 s.
	Timeout string `json:"timeout,omitempty"`
	// RetryAfterMax is here to be refused: a Kafka source heeds no Retry-After.
	RetryAfterMax string `json:"retryAfterMax,omitempty"`
}

const (
	defaultBackoff = 200 * time.Millisecond
	defaultTimeout = 600 * time.Second
)

// sourceDelivery is what a KafkaSource has without any delivery.
var sourceDelivery = source.Delivery{Retry: 10, Exponential: true, Delay: 300 * time.Millisecond, Timeout: defaultTimeout}

// effective is the policy as the dispatcher gets it, and the dead letter sink.
// A delivery that says none of deadLetterSink, retry and timeout counts as
// empty, whatever else it says.
func (d *Delivery) effective() (source.Delivery, *Destination, error) {
	out := source.Delivery{Timeout: defaultTimeout}
	if d == nil {
		return out, nil, nil
	}
	var err error
	if d.Retry != nil {
		out.Retry = int(*d.Retry)
		out.Exponential = d.BackoffPolicy != "linear"
		if out.Delay, err = durationOr(d.BackoffDelay, defaultBackoff); err != nil {
			return out, nil, fmt.Errorf("spec.delivery.backoffDelay: %w", err)
		}
	}
	if out.Timeout, err = durationOr(d.Timeout, defaultTimeout); err != nil {
		return out, nil, fmt.Errorf("spec.delivery.timeout: %w", err)
	}
	if out.Timeout == 0 {
		out.Timeout = defaultTimeout
	}
	return out, d.DeadLetterSink, nil
}

func durationOr(text string, absent time.Duration) (time.Duration, error) {
	if text == "" {
		return absent, nil
	}
	return parseDuration(text)
}

// delivery checks what the duck type of Knative does. A KafkaSource passes
// admission with all of it wrong, and is then never ready.
func (c *checker) delivery(field string, d *Delivery) {
	if d == nil {
		return
	}
	if d.DeadLetterSink != nil {
		c.destination(field+".deadLetterSink", *d.DeadLetterSink)
	}
	if d.Retry != nil && *d.Retry < 0 {
		c.add(field+".retry", fmt.Sprintf("%d is negative", *d.Retry), "use 0 for no retry")
	}
	c.oneOf(field+".backoffPolicy", d.BackoffPolicy, "linear", "exponential")
	if delay, ok := c.duration(field+".backoffDelay", d.BackoffDelay); ok && delay == 0 && d.Retry != nil && *d.Retry > 0 {
		c.add(field+".backoffDelay", fmt.Sprintf("%q counts as 0, since tenths of a second are kept; Knative then gives up at the first failure instead of retrying", d.BackoffDelay),
			"use PT0.1S or more")
	}
	if timeout, ok := c.duration(field+".timeout", d.Timeout); ok && timeout == 0 {
		c.add(field+".timeout", fmt.Sprintf("%q counts as 0, since tenths of a second are kept", d.Timeout), "use PT0.1S or more, or leave it out for 600 s")
	}
	if d.RetryAfterMax != "" {
		c.add(field+".retryAfterMax", "is refused: the Kafka data plane heeds no Retry-After", "remove it")
	}
}

// duration reads a duration that is there; one that can not be read is told.
func (c *checker) duration(field, text string) (d time.Duration, ok bool) {
	if text == "" {
		return 0, false
	}
	d, err := parseDuration(text)
	if err != nil {
		c.add(field, err.Error(), "write it such as PT0.5S, PT30S or PT1H30M")
	}
	return d, err == nil
}
