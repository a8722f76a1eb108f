package conformance

import (
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/knative"
	twin "somssi/local/source"
	"somssi/shared/connect"
)

// setup is what has to be there before a case: topics, what happened to them,
// and who dispatches.
type setup struct {
	id, profile, prefix, namespace string
	kafka                          []string
	sinks                          string // the URL of the server of all sinks

	topics []topic
	before []step
	ways   []*way
	// byCommit is that a further record might not arrive, so that only commits
	// show that the ones before it are done with.
	byCommit bool
	// unstarted is that nobody dispatches until the case itself sees to it.
	unstarted bool
}

type topic struct {
	name       string
	partitions int32
	configs    map[string]string
}

// step is one thing that happens to a topic before the dispatcher is there.
// Exactly one of its fields is set.
type step struct {
	write  *kgo.Record
	commit *commit
	trim   *int64 // deletes what is before it in the first partition of the first topic
}

// commit is a position in the first partition of the first topic, and the way
// whose group has it.
type commit struct {
	way    int
	offset int64
}

// way is one KafkaSource, or one Trigger with its Broker.
type way struct {
	source  *knative.KafkaSource
	trigger *knative.Trigger
	broker  *knative.Broker
	// overrides of a Trigger, which has none though its dispatcher could.
	overrides map[string]string
}

// option changes a setup.
type option func(*setup)

// prepare makes the setup of a case.
func (o Options) prepare(c Case) *setup {
	s := &setup{id: c.ID, profile: c.Profile, prefix: o.Prefix, namespace: o.Namespace, kafka: connect.Brokers(strings.Join(o.Kafka, ",")), sinks: "http://" + o.Listen}
	s.addWay("")
	for _, change := range c.options {
		change(s)
	}
	return s
}

// name is a name in Kafka and Kubernetes that is the case's own.
func (s *setup) name(suffix string) string {
	name := s.prefix + "-" + strings.ToLower(s.id)
	if suffix != "" {
		name += "-" + suffix
	}
	return name
}

// url is the address of one of the case's sinks.
func (s *setup) url(sink string) string { return s.sinks + "/" + s.id + "/" + sink }

// sinkOf is the name of the sink of a way.
func (s *setup) sinkOf(w *way) string {
	u, err := url.Parse(w.sink().URI)
	if err != nil {
		return ""
	}
	return strings.TrimPrefix(u.Path, "/"+s.id+"/")
}

// addWay adds one more that dispatches to the sink of that name: a KafkaSource
// with a topic of its own, or a Trigger of the one broker.
func (s *setup) addWay(suffix string) *way {
	w := &way{}
	sink := knative.Destination{URI: s.url("sink" + suffix)}
	meta := knative.Meta{Name: s.name(suffix), Namespace: s.namespace}
	if s.profile == kinds[source] {
		w.source = &knative.KafkaSource{Meta: meta, Spec: knative.KafkaSourceSpec{
			BootstrapServers: s.kafka, Topics: []string{meta.Name}, ConsumerGroup: meta.Name,
			InitialOffset: "earliest", Sink: sink,
		}}
		s.topics = append(s.topics, topic{name: meta.Name, partitions: 1})
	} else {
		w.broker = s.broker()
		meta.Annotations = map[string]string{knative.OrderAnnotation: "ordered"}
		w.trigger = &knative.Trigger{Meta: meta, Spec: knative.TriggerSpec{Broker: w.broker.Meta.Name, Subscriber: sink}}
	}
	s.ways = append(s.ways, w)
	return w
}

// broker is the one of all triggers of the case.
func (s *setup) broker() *knative.Broker {
	if len(s.ways) > 0 {
		return s.ways[0].broker
	}
	b := &knative.Broker{Meta: knative.Meta{
		Name: s.name(""), Namespace: s.namespace, Annotations: map[string]string{
			knative.ClassAnnotation: knative.ClassKafka, knative.ExternalTopicAnnotation: s.name(""),
		},
	}, Spec: knative.BrokerSpec{Config: &knative.Reference{APIVersion: "v1", Kind: "ConfigMap", Namespace: s.namespace, Name: s.name("kafka")}}}
	s.topics = []topic{{name: b.Topic(), partitions: 1}}
	return b
}

// config is the way as a dispatcher runs it.
func (w *way) config(kafka []string) (twin.Config, error) {
	asIs := func(d knative.Destination) (string, error) { return d.URI, nil }
	if w.source != nil {
		s := *w.source
		s.Default()
		return s.Config(asIs)
	}
	c, err := w.trigger.Config(w.broker, asIs)
	c.Brokers, c.Overrides = kafka, w.overrides
	return c, err
}

// sink is where events go.
func (w *way) sink() *knative.Destination {
	if w.source != nil {
		return &w.source.Spec.Sink
	}
	return &w.trigger.Spec.Subscriber
}

// delivery is the policy of the way; it is made if there is none.
func (w *way) delivery() *knative.Delivery {
	var at **knative.Delivery
	if w.source != nil {
		at = &w.source.Spec.Delivery
	} else {
		at = &w.trigger.Spec.Delivery
	}
	if *at == nil {
		*at = &knative.Delivery{}
	}
	return *at
}

// late is an address at which nobody listens yet: one of the two ports after that
// of the sinks, the same for a profile each time.
func (s *setup) late() string {
	host, port, _ := net.SplitHostPort(strings.TrimPrefix(s.sinks, "http://"))
	n, _ := strconv.Atoi(port)
	if s.profile == kinds[source] {
		return net.JoinHostPort(host, strconv.Itoa(n+1))
	}
	return net.JoinHostPort(host, strconv.Itoa(n+2))
}
