package conformance

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// orderRows are 9.5: what may be in flight beside what.
var orderRows = []row{
	{
		id: "O01", on: both, upstream: "ordered_test.go SinglePartitionOrderedDelivery",
		given: "ordered, one partition, 20 records of different keys", when: "the sink takes 100 ms for each", then: "they come in order, at least 100 ms apart, never two at once",
		set: []option{ordering("ordered")},
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 200, After: 100 * time.Millisecond}))
			records, ids := numbered(0, "r", 20)
			for i, r := range records {
				r.Key = []byte{byte('a' + i%3)}
			}
			c.write(records...)
			all := c.only("sink", 20)
			c.inOrder(all, ids...)
			for i := 1; i < len(all); i++ {
				if gap := all[i].At.Sub(all[i-1].At); gap < 100*time.Millisecond-slack {
					c.errorf("request %d came %v after the one before", i+1, gap)
				}
			}
			c.atMost("sink", 1)
		},
	},
	{
		id: "O02", on: both, upstream: "MultiplePartitionOrderedDelivery; OrderedConsumerVerticleTest",
		given: "ordered, three partitions with a key each, 20 records a key", when: "the sink takes a random time for each", then: "each key comes in order",
		set: []option{ordering("ordered"), partitions(3)},
		run: func(c *run) {
			c.answer("sink", func(Request, int) Answer {
				return Answer{Status: 200, After: time.Duration(rand.IntN(20)) * time.Millisecond}
			})
			want := map[string][]string{}
			var records []*kgo.Record
			for p := range int32(3) {
				key := string('a' + p)
				some, ids := numbered(p, key, 20)
				for _, r := range some {
					r.Key = []byte(key)
				}
				records, want[key] = append(records, some...), ids
			}
			c.write(records...)
			all := c.only("sink", 60)
			for key, ids := range want {
				var of []Request
				for _, r := range all {
					if r.ID()[:1] == key {
						of = append(of, r)
					}
				}
				c.inOrder(of, ids...)
			}
			c.atMost("sink", 3)
		},
	},
	{
		id: "O03", on: both, upstream: "OrderedAsyncExecutorTest; code",
		given: "ordered, retry 3", when: "the second of three records is answered 500 twice", then: "they come as 1, 2, 2, 2, 3",
		set: []option{ordering("ordered"), retry(3)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"2": statuses(500, 500, 200)}))
			c.write(event("1"), event("2"), event("3"))
			c.inOrder(c.only("sink", 5), "1", "2", "2", "2", "3")
		},
	},
	{
		id: "O04", on: both, upstream: "OrderedConsumerVerticleTest",
		given: "ordered, two partitions", when: "a record of the first is not answered", then: "the records of the second come meanwhile, those behind it do not",
		set: []option{ordering("ordered"), partitions(2)},
		run: func(c *run) {
			held, release := c.hold()
			c.answer("sink", byID(map[string]script{"a0": until(held)}))
			first, _ := numbered(0, "a", 5)
			second, _ := numbered(1, "b", 20)
			c.write(first...)
			c.wait("sink", 1)
			c.write(second...)
			c.wait("sink", 21)
			for _, r := range c.requests("sink") {
				if r.ID()[:1] == "a" && r.ID() != "a0" {
					c.errorf("%s came before a0 was answered", r.ID())
				}
			}
			release()
			c.only("sink", 25)
		},
	},
	{
		id: "O06", on: both, upstream: "UnorderedConsumerTest; code",
		given: "unordered, one partition", when: "the first record is not answered", then: "the others come meanwhile",
		set: []option{ordering("unordered")},
		run: func(c *run) {
			held, release := c.hold()
			c.answer("sink", byID(map[string]script{"r0": until(held)}))
			records, ids := numbered(0, "r", 20)
			c.write(records...)
			c.ids(c.wait("sink", 20), ids...)
			release()
			c.settle()
		},
	},
	{
		id: "O07", on: both, upstream: "code",
		given: "unordered, 500 records", when: "the sink answers none of them", then: "at least 50 and at most 99 are in flight",
		set: []option{ordering("unordered")},
		run: func(c *run) {
			held, release := c.hold()
			c.answer("sink", until(held))
			records, _ := numbered(0, "r", 500)
			c.write(records...)
			c.wait("sink", 50)
			c.quiet("sink", 100, time.Second)
			c.atMost("sink", 99)
			release()
			c.only("sink", 500)
		},
	},
	{
		id: "XO01", on: both, upstream: "contract 5.1: head-of-line blocking lasts through the dead letter sink",
		given: "ordered, a dead letter sink", when: "the dead letter sink is slow to take the first record", then: "the second comes only after it",
		set: []option{ordering("ordered"), dead, retry(0)},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": status(400)}))
			c.answer("dead", answers(Answer{Status: 202, After: 300 * time.Millisecond}))
			c.write(event("a"), event("b"))
			c.inOrder(c.only("sink", 2), "a", "b")
			if letter, next := c.count("dead", 1)[0], c.requests("sink")[1]; next.At.Before(letter.Answered) {
				c.errorf("b came %v before a was done with", letter.Answered.Sub(next.At))
			}
		},
	},
	{
		id: "XO02", on: both, upstream: "contract 5.2: back-off waits count as in flight, and hold up nobody",
		given: "unordered, one partition", when: "the first record waits for its retry", then: "the others come meanwhile",
		set: []option{ordering("unordered"), backoff(1, "linear", "PT5S")},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"r0": statuses(500, 200)}))
			records, _ := numbered(0, "r", 10)
			c.write(records...)
			all := c.only("sink", 11)
			if last := all[10]; last.ID() != "r0" {
				c.errorf("%s came after the retry of r0", last.ID())
			}
		},
	},
}

// numbered makes records for one partition, with ids that tell them apart.
func numbered(partition int32, prefix string, n int) (records []*kgo.Record, ids []string) {
	for i := range n {
		id := fmt.Sprint(prefix, i)
		ids = append(ids, id)
		records = append(records, event(id))
	}
	return on(partition, records...), ids
}

// atMost wants that never more requests were at a sink at once.
func (c *run) atMost(sink string, n int) {
	c.sinks.mu.Lock()
	most := c.sinks.most[sink]
	c.sinks.mu.Unlock()
	if most > n {
		c.errorf("%d requests were at /%s at once, want at most %d", most, sink, n)
	}
}

// quiet waits until nothing has come to a sink for so long, or n requests have.
func (c *run) quiet(sink string, n int, long time.Duration) {
	for before := -1; ; {
		now := len(c.requests(sink))
		if now == before || now >= n {
			return
		}
		before = now
		select {
		case <-time.After(long):
		case <-c.ctx.Done():
			return
		}
	}
}
