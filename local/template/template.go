// Package template reads template.yaml, the only list of functions, of what sets each of them off,
// and of the topics between them. It reads strictly: whatever is not known, not legal or not
// consistent is a Problem with its place in the file and a fix, and all problems are told at once.
//
// The types here are also the source of schema.json, by which editors complete and check the file.
// Their tags say, for reader and schema alike:
//
//	json      the key
//	about     what the schema tells of the key
//	required  the key must be there
//	enum      the values there are
//	min       the least a number may be
//	is        the form of a string, or of each string of a list (see forms)
//	keys      the form of each key of a map
package template

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"somssi/local/filter"
)

// Template is a whole template.yaml with one of its environments merged in, every value effective:
// what a function does not say itself it has from Globals, what nobody says it has as Knative or
// Kafka would choose.
type Template struct {
	Version      int                 `json:"version" required:"true" enum:"1" about:"The version of this format."`
	App          string              `json:"app" is:"label" about:"The name of the whole, on everything it owns in a cluster."`
	Namespace    string              `json:"namespace" is:"label" about:"The Kubernetes namespace it lives in."`
	Globals      Globals             `json:"globals" about:"What every function has unless it says otherwise."`
	Topics       map[string]Topic    `json:"topics" keys:"kafka" about:"The Kafka topics, by name."`
	Functions    map[string]Function `json:"functions" keys:"function" about:"The functions, by name: folder, binary and Knative Service are called the same."`
	Image        string              `json:"image,omitempty" is:"image" about:"The image of a function in a cluster: {function} is its name, {version} the version that is rendered."`
	Secret       string              `json:"secret,omitempty" is:"secret" about:"The Secret in a cluster that has ${X} under the key X; with {function} in it each function has one of its own."`
	Kafka        Cluster             `json:"kafka,omitzero" about:"Kafka as a cluster has it."`
	Sender       Sender              `json:"sender,omitzero" about:"Whether functions know who sends them events."`
	Ingress      string              `json:"ingress,omitempty" is:"service" about:"The Service of Knative's ingress inside a cluster, service.namespace; that of Kourier unless said."`
	Gateway      Gateway             `json:"gateway,omitzero" about:"What joins the paths of http triggers under one host in a cluster. Without it each function has a host of its own, and streams have none."`
	Environments Environments        `json:"environments,omitempty" about:"What differs where it runs: each is merged over the rest of the file, key by key."`
}

// Names returns the names of the functions, sorted.
func (t *Template) Names() []string { return slices.Sorted(maps.Keys(t.Functions)) }

// Environments are the names of the environments that the file has, sorted.
type Environments []string

// Cluster is Kafka as a cluster has it; the harness brings its own.
type Cluster struct {
	Bootstrap []string `json:"bootstrap,omitempty" is:"server" about:"Where Kafka is, each a host:port."`
	Strimzi   string   `json:"strimzi,omitempty" is:"label" about:"The name of the Kafka that Strimzi runs: topics and users are rendered for it, and all log in to bootstrap by certificates of its users."`
}

// Sender is how functions know who sends them events.
type Sender struct {
	Tokens string `json:"tokens" enum:"none,sent,required" about:"Whether sources send tokens of their own, and functions take events only with one of a source of theirs. Knative's feature authentication-oidc must be on."`
	Issuer string `json:"issuer" is:"issuer" about:"Who signs the tokens; the API server of the cluster unless said."`
}

// The words for Sender.Tokens.
const (
	TokensNone     = "none"
	TokensSent     = "sent"
	TokensRequired = "required"
)

// Gateway is one of the Gateway API, which a cluster has: the paths are attached to it.
type Gateway struct {
	Host      string `json:"host" required:"true" is:"host" about:"The host of all paths, for which the Gateway has a listener."`
	Name      string `json:"name" required:"true" is:"label" about:"The name of the Gateway."`
	Namespace string `json:"namespace" required:"true" is:"label" about:"The namespace that it is in."`
	Pods      string `json:"pods,omitempty" is:"label" about:"The namespace of the pods that do its work; that of the Gateway unless said."`
}

// Globals is what every function has unless it says otherwise.
type Globals struct {
	Env       map[string]string `json:"env,omitempty" keys:"variable" about:"Environment variables. ${X} is filled in by the harness, or by the environment in a cluster."`
	Scale     Scale             `json:"scale" about:"How many replicas there may be, and how much each takes at once."`
	Resources Resources         `json:"resources,omitzero" about:"What one replica may use."`
	Timeout   Duration          `json:"timeout,omitzero" about:"How long one request may take, in whole seconds. Without it Knative's own 300s."`
	Delivery  Delivery          `json:"delivery" about:"What a source does with an event that its function did not take."`
}

// Scale bounds the replicas of a function. A zero Max or Concurrency is no bound, as in Knative.
type Scale struct {
	Min         int `json:"min" min:"0" about:"The fewest replicas; 0 lets the function go away while it is idle."`
	Max         int `json:"max" min:"0" about:"The most replicas; 0 sets no bound."`
	Concurrency int `json:"concurrency" min:"0" about:"Requests that one replica takes at once; 0 sets no bound."`
}

// Resources is what one replica may use; an empty Memory is no bound, an empty CPU asks for none.
type Resources struct {
	CPU    string `json:"cpu,omitempty" is:"cpu" about:"The processors it is sure of, such as 250m or 1; it may use more."`
	Memory string `json:"memory,omitempty" is:"memory" about:"The memory limit, in Mi. Go is told to stay below four fifths of it."`
}

// GoMemory is what GOMEMLIMIT is to be, in bytes: 80 % of the memory limit, so that the collector works harder before
// the kernel ends the process. It is 0 where there is no limit.
func (r Resources) GoMemory() int64 {
	mib, _ := strconv.ParseInt(strings.TrimSuffix(r.Memory, "Mi"), 10, 64) // held to its form when it was read
	return mib << 20 * 8 / 10
}

// Delivery says what becomes of an event that was not taken. It is always whole, because a KafkaSource
// with any one of these fields loses the defaults of the others, and a Trigger with any those of its Broker.
type Delivery struct {
	Retry         int        `json:"retry" min:"0" about:"How often an event is sent again after the first try."`
	BackoffPolicy string     `json:"backoffPolicy" enum:"linear,exponential" about:"Whether the pause before retry n is n times backoffDelay, or backoffDelay times 2 to the n."`
	BackoffDelay  Duration   `json:"backoffDelay" about:"The unit of the pause, in whole tenths of a second."`
	Timeout       Duration   `json:"timeout" about:"How long one try may take, in whole tenths of a second."`
	DeadLetter    DeadLetter `json:"deadLetter,omitzero" about:"Where an event goes that nobody took in the end."`
}

// DeadLetter names the function that keeps dead events; none where Function is empty.
type DeadLetter struct {
	Function string `json:"function" required:"true" about:"The function that keeps dead events."`
}

// Topic is one Kafka topic. What the file does not say is as in Kafka: 1 partition, 1 replica, 7 days.
type Topic struct {
	Partitions  int      `json:"partitions" min:"1" about:"The partitions; an ordered source has as many events in flight."`
	Replication int      `json:"replication" min:"1" about:"The replicas in a cluster; the embedded Kafka has one."`
	Retention   Duration `json:"retention" about:"How long records are kept."`
}

// Function is one function with its effective values.
type Function struct {
	Env       map[string]string  `json:"env,omitempty" keys:"variable" about:"Environment variables, over those of globals."`
	Publishes []string           `json:"publishes,omitempty" about:"The topics it writes to."`
	Scale     Scale              `json:"scale" about:"Over that of globals, field by field."`
	Resources Resources          `json:"resources,omitzero" about:"Over those of globals, field by field."`
	Timeout   Duration           `json:"timeout,omitzero" about:"How long one request may take, in whole seconds, over that of globals."`
	Stream    bool               `json:"stream" about:"Whether its answers have no end, as with server-sent events. It is a Deployment then, because Knative cuts long answers."`
	Rebuild   bool               `json:"rebuild" about:"Whether what it keeps can be made again from the truth in SQL."`
	Triggers  map[string]Trigger `json:"triggers,omitempty" keys:"label" about:"What sets it off, each under a name of its own."`
}

// Trigger is one thing that sets a function off; exactly one of its fields is set.
type Trigger struct {
	HTTP   *HTTP   `json:"http,omitempty" about:"Requests to a path."`
	Kafka  *Kafka  `json:"kafka,omitempty" about:"Records of topics, by a KafkaSource."`
	Broker *Broker `json:"broker,omitempty" about:"Events of a topic that pass a filter, by a Trigger of a Kafka-class Broker."`
	Cron   *Cron   `json:"cron,omitempty" about:"The clock, by a PingSource."`
}

// HTTP routes a path, and what is below it, to a function. Without Methods every method is taken.
type HTTP struct {
	Path    string   `json:"path" required:"true" is:"path" about:"The path, from its first slash."`
	Methods []string `json:"methods,omitempty" enum:"GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS" about:"The methods taken; without it all."`
}

// Kafka is a KafkaSource. From has no default: Knative's is latest, which loses what was written before
// the source was ready, so the file must choose. Ordering is "ordered" unless said, as in Knative.
type Kafka struct {
	Topics   []string `json:"topics" required:"true" about:"The topics it reads."`
	Group    string   `json:"group" required:"true" is:"kafka" about:"The consumer group. It can not be changed later without reading from the start."`
	From     string   `json:"from" required:"true" enum:"earliest,latest" about:"Where a new group begins."`
	Ordering string   `json:"ordering" enum:"ordered,unordered" about:"Whether a partition waits for each of its events; ordered unless said."`
	Delivery Delivery `json:"delivery" about:"Over that of globals, field by field."`
}

// Broker is a Trigger of a Kafka-class Broker on a topic that is not the Broker's own. It has neither a
// group nor a start to choose: Knative names the group, and begins at the latest record. What is no
// CloudEvent is discarded, and the event that a function answers with is written to the topic. Where
// Filters are given they alone decide. Ordering is "unordered" unless said, as in Knative, and so there
// are no retries.
type Broker struct {
	Topic    string `json:"topic" required:"true" about:"The topic it reads, and writes replies to."`
	Filter   `json:"filter,omitzero" about:"What attributes must be; not looked at where filters are given."`
	Filters  []filter.Spec `json:"filters,omitempty" about:"Filters that must all pass."`
	Ordering string        `json:"ordering" enum:"ordered,unordered" about:"Whether a partition waits for each of its events; unordered unless said."`
	Delivery Delivery      `json:"delivery" about:"Over that of globals, field by field."`
}

// Filter is the older kind of filter that a Trigger has.
type Filter struct {
	Attributes map[string]string `json:"attributes,omitempty" keys:"attribute" about:"Attributes that must have just these values; an empty value matches any."`
}

// Cron is a PingSource. Timezone is UTC unless said; Data is what the event carries, as JSON.
type Cron struct {
	Schedule string          `json:"schedule" required:"true" about:"Five fields, or six with seconds first."`
	Timezone string          `json:"timezone" about:"A zone of the IANA list, such as Asia/Seoul; UTC unless said."`
	Data     json.RawMessage `json:"data,omitempty" about:"What the event carries, as JSON."`
}
