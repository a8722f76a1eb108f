package conformance

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// offsetRows are 9.6: which position is committed, and what comes again.
var offsetRows = []row{
	{
		id: "C01", on: both, upstream: "OffsetManagerTest.shouldCommitAfterSendingEventsOrderedOnTheSamePartition",
		given: "ordered", when: "10 records are done in order", then: "the position behind them is committed",
		run: func(c *run) {
			records, _ := numbered(0, "r", 10)
			c.write(records...)
			c.wait("sink", 10)
			c.waitPosition(c.ways[0], c.topics[0].name, 0, records[9].Offset+1)
		},
	},
	{
		id: "C02", on: both, upstream: "OffsetManagerTest, a bit more mixed",
		given: "unordered, 8 records in flight", when: "they are done as 5, 2, 0, 7, 1, 3, 4, 6", then: "8 is committed",
		set: []option{ordering("unordered")},
		run: func(c *run) {
			records, release := c.hang(8)
			c.write(records...)
			c.wait("sink", 8)
			for _, i := range []int{5, 2, 0, 7, 1, 3, 4, 6} {
				release[i]()
				c.waitAnswered(idOf(records[i]))
			}
			c.waitPosition(c.ways[0], c.topics[0].name, 0, records[7].Offset+1)
		},
	},
	{
		id: "C03", on: both, upstream: "OffsetManagerTest, with a missing one",
		given: "unordered, 8 records in flight", when: "all but the one at 6 are done", then: "6 is committed, and after it is done 8",
		set: []option{ordering("unordered")},
		run: func(c *run) {
			records, release := c.hang(8)
			c.write(records...)
			c.wait("sink", 8)
			for i := range records {
				if i != 6 {
					release[i]()
				}
			}
			c.waitPosition(c.ways[0], c.topics[0].name, 0, records[6].Offset)
			release[6]()
			c.waitPosition(c.ways[0], c.topics[0].name, 0, records[7].Offset+1)
		},
	},
	{
		id: "C06", on: both, upstream: "OffsetManagerTest, on different partitions",
		given: "ordered, two partitions", when: "5 records of the first stop at the third, 7 of the second are done", then: "2 and 7 are committed",
		set: []option{partitions(2)},
		run: func(c *run) {
			held, _ := c.hold()
			c.answer("sink", byID(map[string]script{"a2": until(held)}))
			first, _ := numbered(0, "a", 5)
			second, _ := numbered(1, "b", 7)
			c.write(first...)
			c.write(second...)
			c.waitPosition(c.ways[0], c.topics[0].name, 0, first[2].Offset)
			c.waitPosition(c.ways[0], c.topics[0].name, 1, second[6].Offset+1)
		},
	},
	{
		id: "C07", on: both, upstream: "testFailedCommitRetry; testAlwaysFailedCommit", needs: control,
		given: "a Kafka that takes no commit", when: "records are written, and later it takes commits again", then: "they are delivered meanwhile, and a later tick commits",
		run: func(c *run) {
			c.control[0].link.refuseCommits(true)
			before, err := c.position(c.ctx, c.ways[0], c.topics[0].name, 0)
			if err != nil {
				c.fatalf("%v", err)
			}
			for n := range 4 {
				c.write(event(fmt.Sprint(n)))
				c.wait("sink", n+1)
			}
			// The ticks are five seconds apart: one at least has failed by then.
			c.control[0].link.waitRefused(c.ctx)
			c.write(event("later"))
			c.wait("sink", 5)
			if now, err := c.position(c.ctx, c.ways[0], c.topics[0].name, 0); err != nil || now != before {
				c.errorf("%d is committed (%v), although commits failed", now, err)
			}
			c.control[0].link.refuseCommits(false)
			c.allCommitted()
			c.count("sink", 5)
		},
	},
	{
		id: "C08", on: both, upstream: "shouldContinueToWorkAfterSendingALotOfRecords; LongValues", needs: ours,
		given: "a log around offset 2^31, which this Kafka makes up", when: "records are done on both sides of it, by a Trigger more than a million, nearly all of them discarded",
		then: "the position is that of the one in flight",
		set:  []option{unstarted},
		run:  wantFarPosition,
	},
	{
		id: "C09", on: both, upstream: "PR #4452; code",
		given: "transactions, one of them aborted, which leave gaps between offsets", when: "records are written around them", then: "the position passes the gaps",
		run: func(c *run) {
			c.write(event("a"))
			c.transact(true, event("b"))
			c.transact(false, event("aborted"))
			c.transact(true, event("c"))
			c.write(event("d"))
			c.allCommitted()
		},
	},
	{
		id: "C10", on: both, upstream: "code", needs: control,
		given: "ordered, 20 records done and 1 in flight, before a commit", when: "the dispatcher is killed and started again",
		then: "everything from the committed position comes again, the one in flight too, and nothing is missing",
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"r20": answers(Answer{Hang: true}, Answer{Status: 204})}))
			records, ids := numbered(0, "r", 25)
			c.write(records...)
			c.wait("sink", 21)
			c.control[0].kill()
			from, err := c.position(c.ctx, c.ways[0], c.topics[0].name, 0)
			if err != nil {
				c.fatalf("%v", err)
			}
			from = max(from-records[0].Offset, 0)
			if from > 20 {
				c.fatalf("offset %d is committed, and the one in flight was 20", from)
			}
			c.restart()
			want := append(slices.Clone(ids[:21]), ids[from:]...)
			c.inOrder(c.only("sink", len(want)), want...)
		},
	},
	{
		id: "C11", on: both, upstream: "AsyncCloseable; OrderedAsyncExecutorTest.shouldStop", needs: control,
		given: "ordered, three records, the first in flight", when: "the dispatcher is stopped and started again",
		then: "stopping waits for the answer and commits it; the first does not come again, the others come only then",
		run: func(c *run) {
			held, release := c.hold()
			c.answer("sink", byID(map[string]script{"r0": until(held)}))
			records, ids := numbered(0, "r", 3)
			c.write(records...)
			c.wait("sink", 1)
			stopped := make(chan error, 1)
			m := c.control[0]
			go func() { stopped <- m.stop(c.ctx) }()
			select {
			case err := <-stopped:
				c.fatalf("it stopped with a request in flight (%v)", err)
			case <-time.After(time.Second):
			}
			release()
			if err := <-stopped; err != nil {
				c.fatalf("%v", err)
			}
			c.waitPosition(c.ways[0], c.topics[0].name, 0, records[0].Offset+1)
			c.count("sink", 1)
			c.restart()
			c.inOrder(c.only("sink", 3), ids...)
		},
	},
	{
		id: "C13", on: both, upstream: "code; PR #4461", needs: control,
		given: "ordered, four partitions, a record in flight", when: "a second member joins the group", then: "every record comes at least once, and only the one in flight more often",
		set: []option{partitions(4)},
		run: func(c *run) {
			held, release := c.hold()
			c.answer("sink", byID(map[string]script{"a5": until(held)}))
			want := map[string]int{}
			for p := range int32(4) {
				records, ids := numbered(p, string('a'+p), 10)
				c.write(records...)
				for _, id := range ids {
					want[id] = 1
				}
			}
			c.wait("sink", 36) // a6 to a9 wait behind a5
			c.waitPosition(c.ways[0], c.topics[0].name, 0, 5)
			for p := range int32(3) {
				c.waitPosition(c.ways[0], c.topics[0].name, p+1, 10)
			}
			c.second()
			more, ids := numbered(0, "more", 3)
			for p, r := range more {
				r.Partition = int32(p)
				want[ids[p]] = 1
			}
			c.write(more...)
			release()
			c.settle()
			for _, r := range c.requests("sink") {
				want[r.ID()]--
			}
			for id, left := range want {
				if left > 0 || (left < 0 && id != "a5") {
					c.errorf("%s came %d times", id, 1-left)
				}
			}
		},
	},
	{
		id: "C14", on: source, upstream: "KafkaSourceInitialOffsetEarliest",
		given: "initialOffset earliest, and records that are older than the source", when: "another is written", then: "all are delivered",
		set: []option{patient, preceded(event("a"), event("b"))},
		run: func(c *run) {
			c.write(event("c"))
			c.settle()
			c.inOrder(c.requests("sink"), "a", "b", "c")
		},
	},
	{
		id: "C15", on: source, upstream: "code (CP/kafka/offset); eventing-kafka #549",
		given: "initialOffset latest, and records that are older than the source", when: "others are written once it is ready", then: "those are delivered, all of them, and no older one",
		set: []option{latest, preceded(event("a"), event("b"))},
		run: func(c *run) {
			c.write(event("c"), event("d"))
			c.settle()
			c.inOrder(c.requests("sink"), "c", "d")
		},
	},
	{
		id: "C16", on: trigger, upstream: "trigger_offset_reset.go TriggerLatestOffset",
		given: "a broker with events, a trigger that was there before them, and a new one", when: "another event is written", then: "the new one gets only that, the other one gets all",
		set: []option{another("old"), patient, preceded(event("a"), event("b")), committedBefore(1, 0)},
		run: func(c *run) {
			c.write(event("c"))
			c.settle()
			c.inOrder(c.requests("sink"), "c")
			c.inOrder(c.requests("sinkold"), "a", "b", "c")
		},
	},
	{
		id: "C17", on: source, upstream: "code",
		given: "a group that has committed 1 of 3 records, and initialOffset latest", when: "another is written", then: "it goes on from the commit",
		set: []option{latest, patient, preceded(event("a"), event("b"), event("c")), committedBefore(0, 1)},
		run: func(c *run) {
			c.write(event("d"))
			c.settle()
			c.inOrder(c.requests("sink"), "b", "c", "d")
		},
	},
	{
		id: "C18", on: both, upstream: "config",
		given: "a group that has committed 1, of a log that begins at 3", when: "records are written", then: "a KafkaSource goes on at 3, a Trigger at the end",
		set: []option{patient, preceded(event("a"), event("b"), event("c"), event("d"), event("e")), committedBefore(0, 1), trimmedBefore(3)},
		run: func(c *run) {
			if c.profile == kinds[source] {
				c.write(event("f"))
				c.settle()
				c.inOrder(c.requests("sink"), "d", "e", "f")
				return
			}
			// What is written before it has found the end is lost, by the rule.
			for n := 0; len(c.requests("sink")) == 0; n++ {
				if n == 100 {
					c.fatalf("nothing came")
				}
				c.write(event(fmt.Sprint("new", n)))
				c.quiet("sink", 1, 300*time.Millisecond)
			}
			for _, r := range c.requests("sink") {
				if r.ID()[:min(3, len(r.ID()))] != "new" {
					c.errorf("%s came, which is older", r.ID())
				}
			}
		},
	},
	{
		id: "C19", on: source, upstream: "KafkaSourceWithEventAfterUpdate; TestKafkaSourceUpdate", needs: control,
		given: "a running source, a record in flight", when: "its sink and its ordering are changed", then: "no record is lost, and only the one in flight may come twice",
		run: func(c *run) {
			c.answer("sink", answers(Answer{Status: 200, After: 200 * time.Millisecond}))
			records, ids := numbered(0, "r", 5)
			c.write(records...)
			c.wait("sink", 2)
			if err := c.control[0].stop(c.ctx); err != nil {
				c.fatalf("%v", err)
			}
			during, more := numbered(0, "d", 5)
			c.write(during...)
			c.ways[0].source.Spec.Ordering = "unordered"
			c.ways[0].sink().URI = c.url("other")
			c.restart()
			c.allCommitted()
			c.ids(append(c.requests("sink"), c.requests("other")...), append(ids, more...)...)
		},
	},
	{
		id: "C20", on: source, upstream: "ConsumerDeployerVerticleTest.shouldDoNothingWhenTheStateIsTheSame", needs: control,
		given: "a running source", when: "its configuration is read again, unchanged", then: "the member stays in the group and nothing comes again",
		run: func(c *run) {
			c.write(event("a"))
			c.wait("sink", 1)
			before := c.member()
			if err := c.reread(); err != nil {
				c.fatalf("%v", err)
			}
			c.write(event("b"))
			c.inOrder(c.only("sink", 2), "a", "b")
			if after := c.member(); before != after {
				c.errorf("member %s is %s now", before, after)
			}
		},
	},
	{
		id: "C21", on: source, upstream: "shouldStopVerticleWhenEgressDeleted", needs: control,
		given: "a running source", when: "it is removed, and records are written", then: "no more POSTs",
		run: func(c *run) {
			c.write(event("a"))
			c.wait("sink", 1)
			if err := c.control[0].stop(c.ctx); err != nil {
				c.fatalf("%v", err)
			}
			c.write(event("b"), event("c"))
			c.quiet("sink", 2, time.Second)
			c.count("sink", 1)
		},
	},
	{
		id: "C22", on: source, upstream: "code (consumergroup.go)", needs: control,
		given: "consumers: 0, initialOffset latest, and a record that is older than the source", when: "records are written, and then consumers is 1", then: "nothing comes, and then all since its creation",
		set: []option{latest, consumers(0), preceded(event("old"))},
		run: func(c *run) {
			c.write(event("a"), event("b"))
			c.quiet("sink", 1, time.Second)
			c.count("sink", 0)
			c.ways[0].source.Spec.Consumers = nil
			c.restart()
			c.write(event("c"))
			c.inOrder(c.only("sink", 3), "a", "b", "c")
		},
	},
	{
		id: "XC01", on: both, upstream: "contract 5.6: latest is committed before ready, so that nothing after it is lost", needs: control,
		given: "latest, a record that is older, and one in flight that was never committed", when: "the dispatcher is killed, another record is written, and it is started again",
		then: "the newer two come, and not the older one",
		set:  []option{latest, preceded(event("old"))},
		run: func(c *run) {
			c.answer("sink", byID(map[string]script{"a": answers(Answer{Hang: true}, Answer{Status: 204})}))
			c.write(event("a"))
			c.wait("sink", 1)
			c.control[0].kill()
			c.write(event("b"))
			c.restart()
			c.inOrder(c.only("sink", 3), "a", "a", "b")
		},
	},
	{
		id: "XC02", on: both, upstream: "contract 5.4: a clean stop commits what is done, without waiting for the tick", needs: control,
		given: "records that are done and not yet committed", when: "the dispatcher is stopped and started again", then: "none of them comes again",
		run: func(c *run) {
			records, ids := numbered(0, "r", 5)
			c.write(records...)
			c.only("sink", 5)
			if err := c.control[0].stop(c.ctx); err != nil {
				c.fatalf("%v", err)
			}
			c.allCommitted()
			c.restart()
			c.write(event("more"))
			c.inOrder(c.only("sink", 6), append(ids, "more")...)
		},
	},
	{
		id: "XC03", on: both, upstream: "contract 5.4: moved positions are committed when partitions are revoked", needs: control,
		given: "two partitions, records that are done and not yet committed", when: "a second member joins", then: "none of them comes again",
		set: []option{partitions(2)},
		run: func(c *run) {
			first, a := numbered(0, "a", 5)
			second, b := numbered(1, "b", 5)
			c.write(append(first, second...)...)
			c.only("sink", 10)
			c.second()
			c.write(on(0, event("c"))...)
			c.write(on(1, event("d"))...)
			c.ids(c.only("sink", 12), append(append(a, b...), "c", "d")...)
		},
	},
}

// hang makes records that the sink does not answer until each is released.
func (c *run) hang(n int) (records []*kgo.Record, release []func()) {
	scripts := map[string]script{}
	records, ids := numbered(0, "r", n)
	for _, id := range ids {
		held, let := c.hold()
		scripts[id] = until(held)
		release = append(release, let)
	}
	c.answer("sink", byID(scripts))
	return records, release
}

// waitAnswered waits until the sink has answered an event.
func (c *run) waitAnswered(id string) {
	c.waitFor(func() bool {
		return slices.ContainsFunc(c.sinks.requests, func(r *Request) bool { return r.ID() == id && !r.Answered.IsZero() })
	}, "the answer to %s", id)
}

// restart starts the first way again, with what changed in it meanwhile.
func (c *run) restart() {
	config, err := c.configure(c.ways[0])
	if err == nil {
		var m *member
		m, err = startMember(c.ctx, config)
		if m != nil {
			c.control = append(c.control, m)
		}
	}
	if err != nil {
		c.fatalf("%v", err)
	}
}

// second lets another member join the group, and returns when both have
// partitions.
func (c *run) second() {
	c.restart()
	group := c.control[0].config.Group
	c.poll(func() (bool, error) {
		described, err := c.kafka.admin.DescribeGroups(c.ctx, group)
		if err != nil || described[group].State != "Stable" || len(described[group].Members) != 2 {
			return false, err
		}
		for _, m := range described[group].Members {
			if assigned, ok := m.Assigned.AsConsumer(); !ok || len(assigned.Topics) == 0 {
				return false, nil
			}
		}
		return true, nil
	}, "a second member in group %s", group)
}

// member is the only member of the first way's group.
func (c *run) member() string {
	group := c.control[0].config.Group
	described, err := c.kafka.admin.DescribeGroups(c.ctx, group)
	if err != nil || len(described[group].Members) != 1 {
		c.fatalf("group %s has %d members, want 1 (%v)", group, len(described[group].Members), err)
	}
	return described[group].Members[0].MemberID
}

// reread takes the configuration of the first way again.
func (c *run) reread() error {
	config, err := c.configure(c.ways[0])
	if err != nil {
		return err
	}
	return c.control[0].apply(c.ctx, config)
}
