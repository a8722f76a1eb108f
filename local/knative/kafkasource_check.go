package knative

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Validate tells all that admission or the controller would refuse, and what
// both let pass although it then breaks. What Default fills in may be missing.
// The error is Problems.
func (s *KafkaSource) Validate() error {
	c := check("KafkaSource", s.Meta)
	c.keyType(s.Meta.Labels)
	spec := s.Spec
	c.servers(spec.BootstrapServers)
	if len(spec.Topics) == 0 {
		c.add("spec.topics", "missing", "name at least one topic")
	}
	for i, topic := range spec.Topics {
		c.topic(fmt.Sprintf("spec.topics[%d]", i), topic)
	}
	if spec.Consumers != nil && *spec.Consumers < 0 {
		c.add("spec.consumers", fmt.Sprintf("%d is negative; admission takes it and nothing is then delivered", *spec.Consumers), "use 1, or 0 to pause the source")
	}
	c.oneOf("spec.initialOffset", spec.InitialOffset, "earliest", "latest")
	c.oneOf("spec.ordering", spec.Ordering, "ordered", "unordered")
	c.delivery("spec.delivery", spec.Delivery)
	c.overrides(spec.CEOverrides)
	c.net(spec.Net)
	c.destination("spec.sink", spec.Sink)
	return c.err()
}

// ValidateUpdate is Validate for what replaces an older state of the source,
// whose consumer group must stay.
func (s *KafkaSource) ValidateUpdate(old *KafkaSource) error {
	c := check("KafkaSource", s.Meta)
	c.found = problems(s.Validate())
	if s.Spec.ConsumerGroup != old.Spec.ConsumerGroup {
		c.add("spec.consumerGroup", fmt.Sprintf("can not be changed, and was %q", old.Spec.ConsumerGroup), "put it back, or make a source of another name")
	}
	return c.err()
}

func (c *checker) keyType(labels map[string]string) {
	field := "metadata.labels[" + KeyTypeLabel + "]"
	value, said := labels[KeyTypeLabel]
	if said && value == "" {
		c.add(field, "is empty; admission takes it, and the source is then never ready", "remove it for string")
	}
	c.oneOf(field, value, "string", "int", "float", "byte-array")
}

func (c *checker) servers(servers []string) {
	if len(servers) == 0 {
		c.add("spec.bootstrapServers", "missing", "name at least one broker, such as kafka:9092")
	}
	for i, list := range servers {
		// Knative joins them by commas, so that one entry may be several.
		for server := range strings.SplitSeq(list, ",") {
			host, port, err := net.SplitHostPort(strings.TrimSpace(server))
			if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" {
				c.add(fmt.Sprintf("spec.bootstrapServers[%d]", i), "is no host:port; admission takes it, and Kafka is then not found", "write it such as kafka:9092")
				break
			}
		}
	}
}

var extensionName = regexp.MustCompile(`^[a-z0-9]+$`)

func (c *checker) overrides(o *CEOverrides) {
	if o == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o.Extensions)) {
		field := fmt.Sprintf("spec.ceOverrides.extensions[%s]", name)
		if !extensionName.MatchString(name) {
			what := "is no name of an extension"
			if extensionName.MatchString(strings.ToLower(name)) {
				what = "has an upper-case letter, which admission takes; the dispatcher then throws for every record, and each partition hangs"
			}
			c.add(field, what, "use a to z, lower case, and 0 to 9")
		}
		if strings.ContainsFunc(o.Extensions[name], control) {
			c.add(field, "has a control character in its value, which can be in no header; every event would be retried without being sent, and then dropped", "remove the character")
		}
	}
}

// control is what no HTTP header may have.
func control(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (c *checker) net(n *Net) {
	if n == nil {
		return
	}
	if s := n.SASL; s != nil {
		c.pair("spec.net.sasl", "user", s.User, "password", s.Password)
		c.secret("spec.net.sasl.type", s.Type)
		if s.Enable && s.Type == nil && s.User == nil && s.Password == nil {
			c.add("spec.net.sasl", "is enabled without user and password; admission takes it, and the source is then never ready", "name the secret of each")
		}
	}
	if t := n.TLS; t != nil {
		c.pair("spec.net.tls", "cert", t.Cert, "key", t.Key)
		c.secret("spec.net.tls.caCert", t.CACert)
	}
}

func (c *checker) pair(field, nameA string, a *Secret, nameB string, b *Secret) {
	c.secret(field+"."+nameA, a)
	c.secret(field+"."+nameB, b)
	switch {
	case a != nil && b == nil:
		c.add(field+"."+nameB, "missing beside "+nameA, "name its secret")
	case b != nil && a == nil:
		c.add(field+"."+nameA, "missing beside "+nameB, "name its secret")
	}
}

func (c *checker) secret(field string, s *Secret) {
	if s != nil && (s.SecretKeyRef.Name == "" || s.SecretKeyRef.Key == "") {
		c.add(field+".secretKeyRef", "is not whole; admission takes it, and the source is then never ready", "give name and key")
	}
}
