package knative

import (
	"fmt"
	"regexp"
)

// Meta is the part of Kubernetes' metadata that a manifest sets.
type Meta struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

var (
	kubernetesName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
	kubernetesPart = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	kafkaName      = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)
)

// check begins the check of a resource with what all have.
func check(kind string, m Meta) *checker {
	c := &checker{resource: fmt.Sprintf("%s %s/%s", kind, m.Namespace, m.Name)}
	switch {
	case m.Name == "":
		c.add("metadata.name", "missing", "give it a name")
	case len(m.Name) > 253 || !kubernetesName.MatchString(m.Name):
		c.add("metadata.name", "is none that Kubernetes takes", "use a to z, 0 to 9, - and ., beginning and ending with a letter or digit, at most 253")
	}
	switch {
	case m.Namespace == "":
		c.add("metadata.namespace", "missing", "name one: it is in a header of every request")
	case len(m.Namespace) > 63 || !kubernetesPart.MatchString(m.Namespace):
		c.add("metadata.namespace", "is none that Kubernetes takes", "use a to z, 0 to 9 and -, beginning and ending with a letter or digit, at most 63")
	}
	return c
}

// topic checks a name that Kafka must take.
func (c *checker) topic(field, name string) {
	switch {
	case name == "":
		c.add(field, "is empty", "name a topic")
	case name == "." || name == ".." || !kafkaName.MatchString(name):
		c.add(field, "is no name that Kafka takes; names are exact, there are no patterns", "use a to z, A to Z, 0 to 9, ., _ and -, at most 249")
	}
}
