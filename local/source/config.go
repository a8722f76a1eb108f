package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Config is what a KafkaSource's spec says, or a Trigger's and its Broker's, and
// how this process reaches the world. It must not be changed once a source was
// started with it.
type Config struct {
	// Name and Namespace are the KafkaSource's own. They are in the source
	// attribute of a wrapped event, and Namespace in the Kn-Namespace header.
	Name, Namespace string
	Brokers         []string
	Topics          []string
	Group           string
	// Latest starts partitions that have no commit yet at their end, as
	// initialOffset: latest does. Otherwise they start at the beginning.
	Latest bool
	// Ordered delivers the records of a partition one after the other.
	Ordered bool
	// KeyType is int, float or byte-array; anything else is string.
	KeyType string
	// Overrides are ceOverrides.extensions.
	Overrides map[string]string
	// Trigger is to deliver as a Trigger of a Kafka-class Broker does: a record
	// that is no CloudEvent is discarded instead of wrapped, an event that the
	// sink answers with is published to the first topic, aborted transactions
	// are read, and where the group's commit is gone it goes on at the end.
	Trigger bool
	// Filter, of a Trigger, says of an event's attributes, specversion and
	// extensions included, whether it is to be delivered, and of one that is not
	// the clause that was false. nil delivers all. It is called from many
	// goroutines.
	Filter func(attributes map[string]string) (pass bool, clause string)
	// Sink and DeadLetterSink are URLs; no DeadLetterSink is "".
	Sink, DeadLetterSink string
	Delivery             Delivery
	// Transport is how sinks are reached; nil is a transport of the source's
	// own. It must not ask for compressed answers, and it must not change the
	// headers of a request: retries and other requests share them.
	Transport http.RoundTripper
	// Sleep waits for d before a retry and reports whether it did before ctx
	// ended. nil is the real clock; another one lets a schedule of minutes pass
	// in no time.
	Sleep func(ctx context.Context, d time.Duration) bool
	// Observe, unless nil, is told once of each record that is done with. It
	// is called from many goroutines and holds up the partition while it runs.
	Observe func(Delivered)
	Log     zerolog.Logger
	// KafkaOpts are added to the client's options, TLS and SASL for example.
	KafkaOpts []kgo.Opt
}

// Delivery is a KafkaSource's delivery policy in effective values: what is
// given here happens, no default is filled in but for Timeout.
type Delivery struct {
	// Retry is how many attempts may follow the first one.
	Retry int
	// Exponential waits Delay * 2^n before the nth retry, otherwise it is
	// Delay * n.
	Exponential bool
	Delay       time.Duration
	// Timeout bounds each attempt by itself; 0 is ten minutes.
	Timeout time.Duration
}

// check finds what would be refused at admission, or would deliver nothing.
func (c *Config) check() error {
	for _, required := range []struct {
		name    string
		present bool
	}{
		{"name", c.Name != ""},
		{"namespace", c.Namespace != ""},
		{"brokers", len(c.Brokers) > 0},
		{"topics", len(c.Topics) > 0},
		{"group", c.Group != ""},
		{"sink", c.Sink != ""},
	} {
		if !required.present {
			return fmt.Errorf("%s is missing", required.name)
		}
	}
	if c.Delivery.Retry < 0 || c.Delivery.Delay < 0 || c.Delivery.Timeout < 0 {
		return errors.New("retry, delay and timeout must not be negative")
	}
	for name, value := range c.Overrides {
		if name == "" || !legalName(name) {
			return fmt.Errorf("override %q: a name may only have a to z, lower case, and 0 to 9", name)
		}
		if _, legal := headerValue(value); !legal {
			return fmt.Errorf("override %s: its value has a control character", name)
		}
	}
	return nil
}

// sink is one destination, with a request ready to be copied.
type sink struct {
	address string // as configured, to the letter
	request *http.Request
}

func newSink(address string) (*sink, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("sink: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("sink %q is no absolute http or https URL", address)
	}
	return &sink{address, &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}}, nil
}
