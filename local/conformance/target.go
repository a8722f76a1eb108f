package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	twin "somssi/local/source"
)

// target is who dispatches.
type target interface {
	// skip is why a case cannot be run with it, or empty.
	skip(Case) string
	// begin returns when what the case is about dispatches, or is about to.
	begin(c *run) error
	// end leaves nothing behind that still dispatches.
	end(c *run)
}

// inProcess is the twin in this process, started anew for each case.
type inProcess struct {
	cleanUp bool // because the Kafka is there for longer
}

func (inProcess) skip(Case) string { return "" }

func (inProcess) begin(c *run) error {
	if c.unstarted {
		return nil
	}
	if err := c.kafka.build(c.ctx, c.setup); err != nil {
		return err
	}
	for _, w := range c.ways {
		config, err := c.configure(w)
		if err != nil {
			return err
		}
		if w.source != nil && w.source.Paused() {
			if err := twin.CommitEnds(c.ctx, config); err != nil {
				return err
			}
			continue
		}
		m, err := startMember(c.ctx, config)
		if err != nil {
			return err
		}
		c.control = append(c.control, m)
	}
	return nil
}

// configure is the configuration of a way for the twin.
func (c *run) configure(w *way) (twin.Config, error) {
	config, err := w.config(c.setup.kafka)
	config.KafkaOpts = c.kafka.options
	config.Log = zerolog.Nop()
	if c.needs == virtual {
		config.Sleep = c.sinks.clock.sleep
	}
	return config, err
}

// end gives what is left no time: a case that found all well has waited.
func (p inProcess) end(c *run) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, m := range c.control {
		if err := m.stop(ctx); err != nil {
			c.errorf("%v", err)
		}
		if c.ctx.Err() == nil { // else nobody wants to wait
			m.crash.Wait()
		}
	}
	if p.cleanUp {
		unhurried, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), 10*time.Second)
		defer cancel()
		if err := c.kafka.cleanUp(unhurried, c.setup); err != nil {
			c.errorf("clean up: %v", err)
		}
	}
}

// stranger is a dispatcher elsewhere, that was set up from the plan.
type stranger struct{}

func (stranger) skip(c Case) string {
	switch c.needs {
	case nothing, dataPlane:
		return ""
	}
	return string(c.needs)
}

// begin waits until the dispatcher has joined the groups.
func (stranger) begin(c *run) error { return c.awaitGroups() }

func (stranger) end(*run) {}

// awaitGroups waits until each group has members and its partitions have owners.
func (c *run) awaitGroups() error {
	for _, w := range c.ways {
		config, err := w.config(c.setup.kafka)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(c.ctx, c.limit)
		err = c.kafka.awaitMembers(ctx, config.Group)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *kafka) awaitMembers(ctx context.Context, group string) error {
	for {
		described, err := k.admin.DescribeGroups(ctx, group)
		if err == nil && described[group].State == "Stable" && len(described[group].Members) > 0 && assigned(described[group]) {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("nobody consumes as group %s: set the dispatcher up from the plan first", group), err)
		}
	}
}

// assigned is whether a member owns a partition.
func assigned(group kadm.DescribedGroup) bool { return len(group.AssignedPartitions()) > 0 }

// ownKafka is an embedded Kafka for the cases.
func ownKafka() (*kfake.Cluster, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.AllowAutoTopicCreation(), kfake.DefaultNumPartitions(1))
	if err != nil {
		return nil, fmt.Errorf("start an embedded Kafka: %w", err)
	}
	return cluster, nil
}
