package conformance

import "context"

// waitCommitted waits until the group of a way has committed everything that is
// in a partition.
func (c *run) waitCommitted(w *way, topic string, partition int32) {
	end, err := c.kafka.end(c.ctx, topic, partition)
	if err != nil {
		c.fatalf("%v", err)
	}
	c.waitPosition(w, topic, partition, end)
}

// waitPosition waits until the group of a way has committed at least this offset,
// and notes if it is beyond it.
func (c *run) waitPosition(w *way, topic string, partition int32, want int64) {
	got := int64(-1)
	c.poll(func() (bool, error) {
		var err error
		got, err = c.position(c.ctx, w, topic, partition)
		return got >= want, err
	}, "offset %d of %s/%d committed", want, topic, partition)
	if got != want {
		c.errorf("%s/%d is committed at %d, want %d", topic, partition, got, want)
	}
}

// position is what the group of a way has committed, -1 if it has not.
func (c *run) position(ctx context.Context, w *way, topic string, partition int32) (int64, error) {
	config, err := w.config(c.setup.kafka)
	if err != nil {
		return -1, err
	}
	return c.kafka.committed(ctx, config.Group, topic, partition)
}

// allCommitted waits until all ways have committed all that was written.
func (c *run) allCommitted() {
	c.eachWritten(func(w *way, _ bool, topic string, partition int32) { c.waitCommitted(w, topic, partition) })
}

// eachWritten calls do with each partition that was written, for each way that
// reads it, and with whether that way is ordered.
func (c *run) eachWritten(do func(w *way, ordered bool, topic string, partition int32)) {
	for _, w := range c.ways {
		config, err := w.config(c.setup.kafka)
		if err != nil {
			c.fatalf("%v", err)
		}
		for _, topic := range config.Topics {
			for partition := range c.written[topic] {
				do(w, config.Ordered, topic, partition)
			}
		}
	}
}
