package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"somssi/local/knative"
)

// cluster is Knative in the cluster that kubectl talks to. Each case's resources
// are there as long as the case.
type cluster struct{}

func (cluster) skip(c Case) string {
	if c.needs == nothing {
		return ""
	}
	return string(c.needs)
}

func (cluster) begin(c *run) error {
	if err := c.kafka.build(c.ctx, c.setup); err != nil {
		return err
	}
	manifests, names, err := c.manifests()
	if err != nil {
		return err
	}
	if err := kubectl(c.ctx, manifests, "apply", "-f", "-"); err != nil {
		return err
	}
	wait := append([]string{"wait", "--for=condition=Ready", "--timeout=" + fmt.Sprint(c.limit), "--namespace=" + c.namespace}, names...)
	if err := kubectl(c.ctx, nil, wait...); err != nil {
		return err
	}
	return c.awaitGroups()
}

// end removes what begin made, also if the case was interrupted.
func (cluster) end(c *run) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 2*time.Minute)
	defer cancel()
	manifests, _, err := c.manifests()
	if err == nil {
		err = kubectl(ctx, manifests, "delete", "--ignore-not-found", "-f", "-")
	}
	if err = errors.Join(err, c.kafka.cleanUp(ctx, c.setup)); err != nil {
		c.errorf("clean up: %v", err)
	}
}

// manifests are the resources of the case, each once, and the names of those that
// become ready.
func (s *setup) manifests() (text []byte, names []string, err error) {
	var all []knative.Resource
	seen := map[string]bool{}
	add := func(kind, name string, r knative.Resource) {
		if id := kind + "/" + name; !seen[id] {
			seen[id] = true
			all = append(all, r)
			if kind != "configmap" {
				names = append(names, id)
			}
		}
	}
	for _, w := range s.ways {
		if w.source != nil {
			add("kafkasource.sources.knative.dev", w.source.Meta.Name, w.source)
			continue
		}
		config := s.brokerConfig()
		add("configmap", config.Meta.Name, config)
		add("broker.eventing.knative.dev", w.broker.Meta.Name, w.broker)
		add("trigger.eventing.knative.dev", w.trigger.Meta.Name, w.trigger)
	}
	var out bytes.Buffer
	err = knative.Write(&out, all...)
	return out.Bytes(), names, err
}

// brokerConfig tells a broker how Kafka is reached.
func (s *setup) brokerConfig() *knative.ConfigMap {
	return &knative.ConfigMap{
		Meta: knative.Meta{Name: s.name("kafka"), Namespace: s.namespace},
		Data: map[string]string{
			"bootstrap.servers": strings.Join(s.kafka, ","), "default.topic.partitions": "1", "default.topic.replication.factor": "1",
		},
	}
}

func kubectl(ctx context.Context, stdin []byte, args ...string) error {
	command := exec.CommandContext(ctx, "kubectl", args...)
	command.Stdin = bytes.NewReader(stdin)
	var problems bytes.Buffer
	command.Stderr = &problems
	if err := command.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, strings.TrimSpace(problems.String()))
	}
	return nil
}
