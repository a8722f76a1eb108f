package conformance

import (
	"fmt"
)

// only waits until all that was written is done with, and returns the requests
// of a sink, of which there must be so many.
func (c *run) only(sink string, n int) []Request {
	c.settle()
	return c.count(sink, n)
}

// settlePrefix is how ids of records begin that only show that those before
// them are done with.
const settlePrefix = "settle-"

// settle waits until all records that were written are done with: by another
// record behind them where delivery is ordered, else by the commits.
func (c *run) settle() {
	c.eachWritten(func(w *way, ordered bool, topic string, partition int32) {
		if ordered && !c.byCommit {
			c.follow(w, topic, partition)
		} else {
			c.waitCommitted(w, topic, partition)
		}
	})
}

// follow writes a record and waits until it arrives by that way.
func (c *run) follow(w *way, topic string, partition int32) {
	c.marker++
	id := fmt.Sprint(settlePrefix, c.marker)
	r := event(id)
	r.Topic, r.Partition = topic, partition
	if err := c.kafka.client.ProduceSync(c.ctx, r).FirstErr(); err != nil {
		c.fatalf("write to %s: %v", topic, err)
	}
	key := c.sinkOf(w) + " " + id
	c.waitFor(func() bool { return c.sinks.settled[key] }, "a record behind those of %s/%d", topic, partition)
}
