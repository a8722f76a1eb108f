package conformance

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// run is one case under way, and all that its row may use.
type run struct {
	*setup
	needs   need
	ctx     context.Context // ends with the limit of the case
	kafka   *kafka
	server  *sinks
	sinks   *caseSinks
	limit   time.Duration // for each thing that is waited for
	control []*member     // one for each way, nil if nobody can be controlled

	mu      sync.Mutex
	wrong   []wrong
	written map[string]map[int32]bool // partitions that have records of this case
	marker  int
	holds   []func()
}

// wrong is one thing that is not as the contract says. Expected and received
// are requests, or empty.
type wrong struct{ what, expected, received string }

// errorf notes what is wrong, and the case goes on.
func (c *run) errorf(format string, args ...any) { c.note(wrong{what: fmt.Sprintf(format, args...)}) }

// fatalf notes what is wrong and ends the case.
func (c *run) fatalf(format string, args ...any) {
	c.errorf(format, args...)
	runtime.Goexit()
}

func (c *run) note(w wrong) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wrong = append(c.wrong, w)
}

// waitFor waits until ok, which is asked at each change of the sinks, or ends the
// case.
func (c *run) waitFor(ok func() bool, what string, args ...any) {
	ctx, cancel := context.WithTimeoutCause(c.ctx, c.limit, fmt.Errorf("nothing of it in %v", c.limit))
	defer cancel()
	if err := c.sinks.wait(ctx, ok); err != nil {
		c.fatalf("%s: %v", fmt.Sprintf(what, args...), err)
	}
}

// poll is waitFor for what Kafka must be asked about.
func (c *run) poll(ok func() (bool, error), what string, args ...any) {
	deadline := time.Now().Add(c.limit)
	for {
		good, err := ok()
		switch {
		case good:
			return
		case c.ctx.Err() != nil || time.Now().After(deadline):
			c.fatalf("%s: not within %v (%v)", fmt.Sprintf(what, args...), c.limit, errors.Join(err, c.ctx.Err()))
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-c.ctx.Done():
		}
	}
}

// write produces records, which keep their order within a partition, and fills
// in where they are. Without a topic they go to the first one.
func (c *run) write(records ...*kgo.Record) {
	for _, r := range records {
		r.Topic = c.topicOf(r)
		c.wrote(r.Topic, r.Partition)
	}
	if err := c.kafka.client.ProduceSync(c.ctx, records...).FirstErr(); err != nil {
		c.fatalf("write records: %v", err)
	}
}

func (c *run) wrote(topic string, partition int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written[topic] == nil {
		c.written[topic] = map[int32]bool{}
	}
	c.written[topic][partition] = true
}

// answer sets what a sink answers from now on. Without it sinks accept.
func (c *run) answer(sink string, s script) {
	c.sinks.mu.Lock()
	defer c.sinks.mu.Unlock()
	c.sinks.scripts[sink] = s
}

// hold is a channel for a script to wait for, and what closes it. The end of the
// case does too.
func (c *run) hold() (<-chan struct{}, func()) {
	held := make(chan struct{})
	release := sync.OnceFunc(func() { close(held) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds = append(c.holds, release)
	return held, release
}

// wait waits until a sink has so many requests, and returns them.
func (c *run) wait(sink string, n int) []Request {
	var got int
	c.waitFor(func() bool {
		got = 0
		for _, r := range c.sinks.requests {
			if r.Sink == sink {
				got++
			}
		}
		return got >= n
	}, "%d requests at /%s", n, sink)
	return c.requests(sink)
}

// requests are those that a sink has so far.
func (c *run) requests(sink string) []Request { return c.sinks.at(sink) }

// openLate lets somebody listen at the late sink.
func (c *run) openLate() {
	if err := c.server.also(c.late()); err != nil {
		c.fatalf("%v", err)
	}
}

// read is everything in the first partition of the first topic.
func (c *run) read() (all []*kgo.Record) {
	topic := c.topics[0].name
	end, err := c.kafka.end(c.ctx, topic, 0)
	if err != nil {
		c.fatalf("%v", err)
	}
	client, err := c.kafka.another(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		c.fatalf("%v", err)
	}
	defer client.Close()
	for len(all) == 0 || all[len(all)-1].Offset < end-1 {
		fetches := client.PollFetches(c.ctx)
		if err := fetches.Err(); err != nil {
			c.fatalf("read %s: %v", topic, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all
}

// find is the record with the event of that id.
func (c *run) find(id string) *kgo.Record {
	for _, r := range c.read() {
		if idOf(r) == id {
			return r
		}
	}
	c.fatalf("no record has event %s", id)
	return nil
}
