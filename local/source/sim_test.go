package source

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/shared/eventtest"
)

// TestHistory: up to three members of a group come, leave, are killed or frozen,
// Kafka refuses or is away, and the sinks fail in all ways they have. Then all is
// well again, and what was seen from outside must have been lawful: see world.
//
// A seed is one history, with the same steps and answers each time. Which of two
// things of the same instant is first is the scheduler's to say.
func TestHistory(t *testing.T) {
	met := map[string]int{}
	eventtest.Seeds(t, 200, func(t *testing.T, r *rand.Rand) {
		for what, n := range live(t, newHistory(r)).met {
			met[what] += n
		}
		met["histories"]++
	})
	t.Log(met)
	for _, what := range []string{Done, DeadLetter, Lost, "finished again", "joins", "leaves, hurried true", "is killed", "freezes"} {
		if met[what] == 0 && met["histories"] > 100 {
			t.Errorf("in none of them: %s", what)
		}
	}
}

// history is what a seed decides.
type history struct {
	ordered    bool
	partitions int32 // at first
	delivery   Delivery
	dead       bool // whether there is a dead letter sink
	records    map[spot]*record
	steps      []step
	troubles   []trouble
}

type step struct {
	at   time.Duration
	what string
	do   func(w *world)
}

// trouble is what may keep a member from committing, or all of them if it is -1.
type trouble struct {
	member   int
	from, to time.Duration
}

type spot struct {
	partition int32
	offset    int64
}

// behaviour is what a sink does with one call.
type behaviour struct {
	took   time.Duration
	effect bool
	status int // 0 is no answer
}

// behaviours, of which hanging is to outlast each timeout.
var (
	accepts   = behaviour{effect: true, status: 204}
	refuses   = behaviour{status: 400}
	troubling = []behaviour{
		{status: 503}, {status: 500}, {status: 404}, {status: 429}, {effect: true, status: 503},
		{}, {effect: true}, {took: time.Hour}, {took: time.Hour, effect: true},
		{took: 300 * time.Millisecond, effect: true, status: 204}, {took: 300 * time.Millisecond, status: 503}, refuses,
	}
)

// ways are how the first calls of a record are answered.
func ways(r *rand.Rand) (all []behaviour) {
	if r.IntN(4) > 0 {
		return nil
	}
	for range 1 + r.IntN(5) {
		all = append(all, troubling[r.IntN(len(troubling))])
	}
	return all
}

// refusals are what Kafka may answer.
var refusals = []struct {
	key  kmsg.Key
	errs []*kerr.Error
}{
	{kmsg.OffsetCommit, []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.UnknownTopicOrPartition, kerr.RequestTimedOut, kerr.InvalidCommitOffsetSize}},
	{kmsg.Heartbeat, []*kerr.Error{kerr.RebalanceInProgress, kerr.NotCoordinator, kerr.UnknownMemberID, kerr.IllegalGeneration}},
	{kmsg.Fetch, []*kerr.Error{kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.KafkaStorageError}},
	{kmsg.OffsetFetch, []*kerr.Error{kerr.UnstableOffsetCommit, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}},
	{kmsg.JoinGroup, []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.UnknownMemberID}},
	{kmsg.SyncGroup, []*kerr.Error{kerr.RebalanceInProgress, kerr.UnknownMemberID}},
	{kmsg.FindCoordinator, []*kerr.Error{kerr.CoordinatorNotAvailable}},
	{kmsg.LeaveGroup, []*kerr.Error{kerr.UnknownMemberID}},
}

// between is a duration of so many milliseconds.
func between(r *rand.Rand, least, most int) time.Duration {
	return time.Duration(least+r.IntN(most-least)) * time.Millisecond
}

func newHistory(r *rand.Rand) *history {
	h := &history{
		ordered: r.IntN(2) == 0, partitions: 1 + r.Int32N(4), dead: r.IntN(4) > 0, records: map[spot]*record{},
		delivery: Delivery{Retry: r.IntN(4), Exponential: r.IntN(2) == 0, Delay: between(r, 0, 600), Timeout: between(r, 500, 3000)},
	}
	h.happen(r)
	h.write(r)
	slices.SortStableFunc(h.steps, func(a, b step) int { return int(a.at - b.at) })
	return h
}

func (h *history) add(at time.Duration, what string, do func(w *world)) {
	h.steps = append(h.steps, step{at, what, do})
}

// happen adds what happens to the members, to Kafka and to the sinks.
func (h *history) happen(r *rand.Rand) {
	var up []int
	joined := 0
	join := func(at time.Duration) {
		m := joined
		up = append(up, m)
		joined++
		h.add(at, fmt.Sprintf("m%d joins", m), func(w *world) { w.join(m) })
	}
	join(0)
	for at, n := between(r, 0, 7000)+time.Millisecond/2, r.IntN(10); n > 0; at, n = at+between(r, 20, 7000), n-1 {
		m, until := -1, at+between(r, 300, 8000)
		if len(up) > 0 {
			m = up[r.IntN(len(up))]
		}
		away := func() { up = slices.DeleteFunc(up, func(one int) bool { return one == m }) }
		switch what := r.IntN(8); {
		case m < 0 || what == 0 && len(up) < 3:
			join(at)
		case what < 2:
			away()
			hurried := r.IntN(2) == 0
			h.add(at, fmt.Sprintf("m%d leaves, hurried %v", m, hurried), func(w *world) { w.leave(m, hurried) })
			if hurried { // what it leaves unfinished comes again, and what comes after that
				h.troubles = append(h.troubles, trouble{m, at, at})
			}
		case what == 2:
			away()
			h.add(at, fmt.Sprintf("m%d is killed", m), func(w *world) { w.kill(m) })
			h.troubles = append(h.troubles, trouble{m, at, at})
		case what == 3:
			until += between(r, 0, 20_000)
			h.add(at, fmt.Sprintf("m%d freezes", m), func(w *world) { w.members[m].line.freeze() })
			h.add(until, fmt.Sprintf("m%d thaws", m), func(w *world) { w.members[m].line.thaw() })
			h.troubles = append(h.troubles, trouble{m, at, until + 15*time.Second})
		case what == 4:
			h.add(at, "Kafka is away", func(w *world) { w.away(true) })
			h.add(until, "Kafka is back", func(w *world) { w.away(false) })
			h.troubles = append(h.troubles, trouble{-1, at, until + 15*time.Second})
		case what == 5:
			one := refusals[r.IntN(2)*r.IntN(len(refusals))] // half of them of commits
			err, count := one.errs[r.IntN(len(one.errs))], 1+r.IntN(4)
			h.add(at, fmt.Sprintf("Kafka refuses %d times: %s %s", count, one.key.Name(), err.Message), func(w *world) { w.refuse(one.key, err, count) })
			h.add(until, "Kafka refuses no more", func(w *world) { w.refuse(0, nil, 0) })
			h.troubles = append(h.troubles, trouble{-1, at, until + 15*time.Second})
		default:
			which := r.IntN(2)
			h.add(at, fmt.Sprintf("sink %d is down", which), func(w *world) { w.fail(which, true) })
			h.add(until, fmt.Sprintf("sink %d is up", which), func(w *world) { w.fail(which, false) })
		}
	}
	if len(up) == 0 {
		join(h.steps[len(h.steps)-1].at + time.Second)
	}
}

// write adds the records, and perhaps a partition.
func (h *history) write(r *rand.Rand) {
	times := make([]time.Duration, 2+r.IntN(6))
	for i := range times {
		times[i] = between(r, 0, 25_000)
	}
	slices.Sort(times)
	grown := between(r, 0, 60_000)
	if grown < 15*time.Second {
		h.add(grown, "a partition is added", func(w *world) { w.grow() })
	}
	next := make([]int64, h.partitions+1)
	for _, at := range times {
		partitions := h.partitions
		if at > grown+10*time.Second { // the producer knows of it by then
			partitions++
		}
		var batch []*record
		for range 1 + r.IntN(15) {
			p := r.Int32N(partitions)
			one := &record{spot: spot{p, next[p]}, poison: r.IntN(15) == 0, ways: [2][]behaviour{ways(r), ways(r)}}
			next[p]++
			h.records[one.spot] = one
			batch = append(batch, one)
		}
		h.add(at, fmt.Sprintf("%d records are written", len(batch)), func(w *world) { w.write(batch) })
	}
}
