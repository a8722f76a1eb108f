package template

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

// LoadForCluster is Load for what is to run in a cluster as env says: all that a
// manifest needs is there, and each ${X} can be had. The errors are as those of Load.
func LoadForCluster(path, env string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return ParseForCluster(path, text, env)
}

// ParseForCluster is LoadForCluster for a text that is at hand; name stands for the file in errors.
func ParseForCluster(name string, text []byte, env string) (*Template, error) {
	r := newReport(name, text)
	t, root := r.load(env)
	if root != nil {
		clusterChecker{r, root, t, env}.check()
	}
	if err := r.problems(); err != nil {
		return nil, err
	}
	return t, nil
}

// clusterChecker finds what a cluster lacks of a template that is right on a laptop.
type clusterChecker struct {
	*report
	root *node
	t    *Template
	env  string
}

// unresolved is ${X}, and X.
var unresolved = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?`)

// Ref is X where value is just ${X}, else empty.
func Ref(value string) string {
	if m := unresolved.FindStringSubmatch(value); m != nil && m[0] == value {
		return m[1]
	}
	return ""
}

// KafkaBrokers is the one ${X} that no Secret has to give where Strimzi runs Kafka: it is made of the template's kafka.
const KafkaBrokers = "KAFKA_BROKERS"

func (c clusterChecker) check() {
	at := c.root.at
	if n := c.root.get("environments", c.env); n != nil {
		at = n.keyAt
	}
	for _, must := range []struct {
		lacks    bool
		key, fix string
	}{
		{c.t.App == "", "app", "add app: name, for the whole file"},
		{c.t.Namespace == "", "namespace", "add namespace: name"},
		{c.t.Image == "", "image", "add image: registry.example/somssi/{function}:{version}"},
		{len(c.t.Kafka.Bootstrap) == 0, "kafka.bootstrap", `add kafka: {bootstrap: ["host:9092"]}`},
	} {
		if must.lacks {
			c.add(at, ruleCluster, fmt.Sprintf("environment %q has no %s, which a cluster needs", c.env, must.key), must.fix)
		}
	}
	c.variables(c.root.get("globals", "env"))
	for _, n := range c.root.get("functions").entries() {
		c.variables(n.get("env"))
		f := c.t.Functions[n.key]
		if timeout := cmp.Or(n.get("timeout"), c.root.get("globals", "timeout")); f.Timeout > Duration(600*time.Second) && !f.Stream {
			c.add(timeout.at, ruleCluster, fmt.Sprintf("timeout %s is more than the 600s that Knative Serving allows", f.Timeout), "write at most 600s, or stream: true for answers without end")
		}
		for _, trigger := range slices.Sorted(maps.Keys(f.Triggers)) {
			cron := f.Triggers[trigger].Cron
			if data := n.get("triggers", trigger, "cron", "data"); cron != nil && data != nil && data.kind != mapping {
				c.add(data.at, ruleCluster, "a PingSource sends no JSON but an object", "write data: {name: value}")
			}
		}
	}
}

// variables reports each ${X} that the environment does not give.
func (c clusterChecker) variables(n *node) {
	for _, item := range n.entries() {
		value, ok := item.value.(string)
		m := unresolved.FindStringSubmatch(value)
		switch {
		case !ok || !strings.Contains(value, "$"):
		case m == nil || m[0] != value:
			c.add(item.at, ruleCluster, fmt.Sprintf("%s has $ among other text, and a cluster puts in nothing but whole values", item.path()),
				"write the value without $, or all of it as ${NAME}")
		case c.t.Secret == "" && (m[1] != KafkaBrokers || c.t.Kafka.Strimzi == ""):
			c.add(item.at, ruleCluster, fmt.Sprintf("%s is unresolved: environment %q names no secret that has %s", m[0], c.env, m[1]),
				"add secret: name to the environment, or the value of "+item.key)
		}
	}
}
