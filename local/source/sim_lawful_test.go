package source

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// What must hold, whatever happens.

// call is a call of a sink. Ordered, no record's turn comes before all that are
// before it in its partition are finished.
func (w *world) call(m *member, r *record, to int) behaviour {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ordered && !r.called {
		for o := range r.offset {
			if len(w.records[spot{r.partition, o}].ends) == 0 {
				w.wrong("m%d sends %v before %d is finished", m.n, r.spot, o)
			}
		}
	}
	r.called = true
	does := accepts
	switch {
	case to == 0 && r.poison:
		does = refuses
	case w.down[to]:
		does = behaviour{}
	case !w.well && len(r.ways[to]) > 0:
		does, r.ways[to] = r.ways[to][0], r.ways[to][1:]
	}
	if does.effect {
		r.effects++
	}
	w.noted("m%d calls sink %d of %v: %v", m.n, to, r.spot, does)
	return does
}

// answer is what the member saw of an answer, if it did.
func (w *world) answer(m *member, r *record, to, status int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.dead {
		return false
	}
	r.answers[to] = append(r.answers[to], observed{m.n, w.now(), status})
	return status != 0
}

// finished is what a source says of a record. It must be what the sinks saw, and
// what the delivery policy says.
func (m *member) finished(d Delivered) {
	w := m.w
	w.mu.Lock()
	defer w.mu.Unlock()
	if m.dead {
		return
	}
	r := w.records[spot{d.Partition, d.Offset}]
	e := end{m.n, d.Taken.Sub(w.began), d.Ended.Sub(w.began), d.Fate}
	w.noted("m%d finished %v: %s", m.n, r.spot, d.Fate)
	w.met[d.Fate]++
	var accepted [2]bool
	var attempts [2]int
	rest := r.answers
	for i, a := range d.Attempts {
		to := 0
		if a.Dead {
			to = 1
		}
		for len(rest[to]) > 0 && (rest[to][0].member != m.n || rest[to][0].at < e.taken || rest[to][0].status != a.Status) {
			rest[to] = rest[to][1:]
		}
		if len(rest[to]) == 0 {
			w.wrong("m%d tells of attempt %d of %v, which none saw: %+v", m.n, i, r.spot, d)
			return
		}
		rest[to] = rest[to][1:]
		attempts[to]++
		accepted[to] = a.Status >= 200 && a.Status < 300
		again := a.Status == 0 || a.Status == 404 || a.Status == 408 || a.Status == 409 || a.Status == 429 || a.Status >= 500
		last := i == len(d.Attempts)-1 || d.Attempts[i+1].Dead != a.Dead
		if full := attempts[to] > w.delivery.Retry; last != (full || !again) {
			w.wrong("m%d: attempt %d of %v: %d of %d, status %d, last %v", m.n, i, r.spot, attempts[to], w.delivery.Retry+1, a.Status, last)
		}
		if n := attempts[to] - 1; n > 0 {
			wait := w.delivery.Delay * time.Duration(n)
			if w.delivery.Exponential {
				wait = w.delivery.Delay << n
			}
			if a.Wait != wait {
				w.wrong("m%d waits %v before retry %d of %v", m.n, a.Wait, n, r.spot)
			}
		}
	}
	fate := Lost
	switch {
	case accepted[0]:
		fate = Done
	case accepted[1]:
		fate = DeadLetter
	}
	if d.Fate != fate || attempts[0] == 0 || (attempts[1] > 0) != (w.dead && !accepted[0]) || (fate == Done && r.effects == 0) {
		w.wrong("m%d says %s of %v, but: %+v", m.n, d.Fate, r.spot, d.Attempts)
	}
	r.ends = append(r.ends, e)
}

// see looks at what Kafka is asked.
func (w *world) see(request kmsg.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch request := request.(type) {
	case *kmsg.HeartbeatRequest:
		w.heard[request.MemberID] = w.now()
	case *kmsg.SyncGroupRequest:
		w.heard[request.MemberID] = w.now()
	case *kmsg.JoinGroupRequest:
		if id := request.MemberID; id != "" { // it had given up what it had
			w.heard[id] = w.now()
			m := w.members[id[1]-'0']
			m.rejoined = append(m.rejoined, w.now())
			w.noted("m%d joins again", m.n)
		}
	case *kmsg.OffsetCommitRequest:
		w.heard[request.MemberID] = w.now()
		w.seeCommit(request)
	}
}

// seeCommit: no member, whether it may or not, says of an unfinished record that
// it is finished, or goes back.
func (w *world) seeCommit(c *kmsg.OffsetCommitRequest) {
	member, _, _ := strings.Cut(c.MemberID, "-")
	for _, topic := range c.Topics {
		for _, p := range topic.Partitions {
			w.noted("%s of generation %d commits %d at %d", member, c.Generation, p.Partition, p.Offset)
			for o := range p.Offset {
				if r := w.records[spot{p.Partition, o}]; r == nil || len(r.ends) == 0 {
					w.wrong("%s commits %d at %d before %d is finished", member, p.Partition, p.Offset, o)
				}
			}
			of := [2]int32{c.Generation, p.Partition}
			if p.Offset < w.positions[of] {
				w.wrong("%s commits %d at %d after %d", member, p.Partition, p.Offset, w.positions[of])
			}
			w.positions[of] = p.Offset
		}
	}
}

// seeGroup: what Kafka has never goes back. A member that was lost while it was
// joining has no session in kfake, as it has in Kafka, so that one ends here.
func (w *world) seeGroup() {
	info := w.cluster.GroupInfo("g")
	if info == nil {
		return
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = "g"
	w.mu.Lock()
	for p, c := range info.Commits["t"] {
		if c.Offset < w.committed[p] {
			w.wrong("partition %d was committed at %d and is at %d", p, w.committed[p], c.Offset)
		}
		w.committed[p] = c.Offset
	}
	for _, m := range info.Members {
		if at, ok := w.heard[m.MemberID]; !ok {
			w.heard[m.MemberID] = w.now()
		} else if w.now()-at > 20*time.Second {
			leave.Members = append(leave.Members, kmsg.LeaveGroupRequestMember{MemberID: m.MemberID})
		}
	}
	w.mu.Unlock()
	if len(leave.Members) > 0 {
		if _, err := leave.RequestWith(w.Context(), w.client); err != nil {
			w.Error(err)
		}
	}
}

// soon is how long it may take, once all is well, until all records are finished
// and committed: sessions of the killed run out, and retries under way are made.
const soon = 100 * time.Second

// judge: no record is missing, all are committed, and none was finished again
// without a reason.
func (w *world) judge() {
	began := w.now()
	for len(w.unfinished()) > 0 && w.now() < began+soon {
		w.sleepUntil(w.now() + 500*time.Millisecond)
	}
	missing := w.unfinished()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.met["longest"] = int((w.now() - began).Seconds())
	if len(missing) > 0 {
		w.wrong("unfinished or not committed: %v", missing)
		return
	}
	for _, r := range w.records {
		w.met["finished again"] += len(r.ends) - 1
		slices.SortStableFunc(r.ends, func(a, b end) int { return int(a.taken - b.taken) })
		for i, again := range r.ends[1:] {
			if e := r.ends[i]; !w.excused(r, e, again) {
				w.wrong("%v was finished by m%d at %v, and came again to m%d at %v", r.spot, e.member, e.at, again.member, again.taken)
			}
		}
	}
}

func (w *world) unfinished() (all []spot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		if len(r.ends) == 0 || r.offset >= w.committed[r.partition] {
			all = append(all, r.spot)
		}
	}
	return all
}

// excused is whether a record that was finished may come again. Its member had to
// give it up before it and all before it were finished, or was in trouble before
// it could commit that; or the other one did not know that it had lost it.
func (w *world) excused(r *record, e, again end) bool {
	all := e.at
	for o := range r.offset {
		ends := w.records[spot{r.partition, o}].ends
		last := ends[0].at
		for _, other := range ends {
			if other.member == e.member {
				last = other.at
			}
		}
		all = max(all, last)
	}
	in := func(member int, from, to time.Duration) bool {
		return slices.ContainsFunc(w.troubles, func(t trouble) bool {
			return (t.member < 0 || t.member == member) && t.from <= to && t.to >= from
		})
	}
	return in(e.member, e.at, all+commitInterval+time.Second) || in(again.member, again.taken, again.taken) ||
		slices.ContainsFunc(w.members[e.member].rejoined, func(at time.Duration) bool { return at >= e.taken && at <= all })
}
