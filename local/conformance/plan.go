package conformance

import (
	"encoding/json"

	"somssi/local/filter"
)

// Plan is all that a dispatcher elsewhere must be told before the cases are run
// with it. It is the same each time for the same Options.
type Plan struct {
	Cases []Planned `json:"cases"`
}

// Planned is one thing that dispatches: a KafkaSource, or a Trigger of a Broker. A
// case with several Triggers has several of the same ID; it is set up when all
// of them are. Values are effective, with every default filled in.
type Planned struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	Given   string `json:"given"`
	When    string `json:"when"`
	Then    string `json:"then"`
	Profile string `json:"profile"` // KafkaSource or Trigger

	Namespace        string   `json:"namespace"`
	Name             string   `json:"name"`
	BootstrapServers []string `json:"bootstrapServers"`
	Topics           []Topic  `json:"topics"`
	Group            string   `json:"group"`
	KeyType          string   `json:"keyType"`  // string, int, float or byte-array
	Ordering         string   `json:"ordering"` // ordered or unordered
	// InitialOffset is for partitions without a commit: earliest, or latest,
	// which is committed before the dispatcher is ready. Reset is where it goes
	// on when the commit is outside of the log: earliest or latest.
	InitialOffset string            `json:"initialOffset"`
	Reset         string            `json:"reset"`
	Isolation     string            `json:"isolation"` // read_committed or read_uncommitted
	Overrides     map[string]string `json:"overrides"`
	// Filters are a Trigger's, and decide alone if there are any. Else
	// FilterAttributes do.
	Filters          []filter.Spec     `json:"filters"`
	FilterAttributes map[string]string `json:"filterAttributes"`

	Sink           string `json:"sink"`
	DeadLetterSink string `json:"deadLetterSink"` // empty for none
	Retry          int    `json:"retry"`
	BackoffPolicy  string `json:"backoffPolicy"` // linear or exponential
	BackoffDelay   string `json:"backoffDelay"`  // ISO 8601, as the next but one
	BackoffMillis  int64  `json:"backoffMillis"`
	Timeout        string `json:"timeout"`
	TimeoutMillis  int64  `json:"timeoutMillis"`

	// Setup is to be done in this order, once the topics are there and before
	// the dispatcher is. Only the first of a case has any.
	Setup []Step `json:"setup"`
	// Manifests are the resources that mean all this in a cluster.
	Manifests []json.RawMessage `json:"manifests"`
}

// Topic is one to be made, if it is not there.
type Topic struct {
	Name       string `json:"name"`
	Partitions int32  `json:"partitions"`
}

// Step is one thing to do before the dispatcher is there; one of its fields is
// set.
type Step struct {
	Write  *Record   `json:"write,omitempty"`
	Commit *Position `json:"commit,omitempty"` // by the group
	// DeleteBefore deletes the records before an offset.
	DeleteBefore *Position `json:"deleteBefore,omitempty"`
}

// Record is one to be written. What is null has no value, which is not the same
// as an empty one.
type Record struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Key       *string  `json:"key"`
	Headers   []Header `json:"headers"`
	Value     *string  `json:"value"`
}

// Header is one of a record.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Position is an offset in a partition, as a group may have it.
type Position struct {
	Group     string `json:"group,omitempty"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}
