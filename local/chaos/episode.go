package chaos

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"somssi/local/harness"
)

// episode is one play, while it is on.
type episode struct {
	*stage
	play
	by    chance
	crowd *crowd
	from  kadm.ListedOffsets // where the topic ended when it began
	after int                // number of the last delivery before it
	kills int                // of the house, before it
	began time.Time

	mu      sync.Mutex
	did     []string
	poison  []string        // marks of what must end as dead letters
	commits []commit        // that were seen while it was on
	excused map[string]bool // invariants that cannot be judged beside this fault
	failed  []Broken        // that was seen while it was on

	// Of a fault that makes the house lose events: what mends them, and what makes
	// the house again what it was, after the verdict.
	mend, restore func(context.Context) error
}

// commit is what a group had committed of a partition at a time.
type commit struct {
	at        time.Time
	group     string
	partition int32
	offset    int64
}

// settleIn is how long all may take to be done with after the last fault, by I1 and I7.
const settleIn = 30 * time.Second

// mendIn is how long the reconciler may take with what was lost.
const mendIn = 60 * time.Second

// play plays an episode and judges it. Its error is that it could not be played.
func (s *stage) play(ctx context.Context, p play) (Episode, error) {
	f := faultOf(p.Fault)
	out := Episode{Seed: p.Seed, Fault: f.ID, What: f.What, Again: again(s.o, p)}
	e, err := s.begin(ctx, p)
	if err != nil {
		return out, fmt.Errorf("gather the users: %w", err)
	}
	defer e.crowd.seen.Wait()
	defer e.crowd.leave()
	watching, unwatch := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() { e.watchCommits(watching) })
	defer watch.Wait()
	defer unwatch()

	worked := make(chan error, 1)
	working, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	load := chance{rand.New(rand.NewPCG(e.by.Uint64(), 0))} //nolint:gosec // by seed
	go func() { worked <- e.crowd.work(working, s, load) }()
	select {
	case <-e.crowd.some:
	case err := <-worked:
		return out, fmt.Errorf("load before any fault: %w", err)
	}
	if err := f.do(ctx, e, e.by); err != nil {
		return out, fmt.Errorf("%s: %w", f.What, err)
	}
	healed := time.Now()
	if err := <-worked; err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return out, fmt.Errorf("load: %w", err)
	}
	loaded := time.Now()
	empty, err := e.settle(ctx)
	unwatch()
	watch.Wait()
	out.Did = e.did
	out.RecoveredMs = max(0, empty.Sub(later(healed, loaded)).Milliseconds())
	out.TookMs = time.Since(e.began).Milliseconds()
	if err != nil {
		out.broke("I7", "%v", err)
	}
	out.Broken = append(out.Broken, e.failed...)
	if e.mend != nil {
		if err := e.mend(ctx); err != nil {
			return out, err
		}
	}
	e.judge(ctx, &out)
	for limit := time.Now().Add(mendIn); e.mend != nil && len(out.Broken) > 0 && time.Now().Before(limit) && ctx.Err() == nil; {
		e.by.pause(ctx, time.Second, time.Second)
		out.Broken = nil
		out.Notifications, out.Deliveries, out.Attempts, out.DeadLetters = 0, 0, 0, 0
		e.judge(ctx, &out)
		out.RecoveredMs = time.Since(later(healed, loaded)).Milliseconds()
	}
	if e.restore != nil {
		return out, e.restore(ctx)
	}
	return out, nil
}

// begin gathers the users and notes where everything stands before the load.
func (s *stage) begin(ctx context.Context, p play) (e *episode, err error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.Fault))
	e = &episode{stage: s, play: p, by: chance{rand.New(rand.NewPCG(uint64(p.Seed), h.Sum64()))}, excused: map[string]bool{}, began: time.Now()} //nolint:gosec // by seed
	if e.crowd, err = s.gather(ctx, e.by); err != nil {
		return nil, err
	}
	if err = e.mark(ctx); err != nil {
		e.crowd.leave()
	}
	return e, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mark notes how far the topic, the history and the commits are.
func (e *episode) mark(ctx context.Context) (err error) {
	if e.from, err = e.admin.ListEndOffsets(ctx, topic); err != nil {
		return err
	}
	var before []harness.Delivery
	if err := harness.Get(e.house.Run, "/dev/events?last=1", &before); err != nil {
		return err
	}
	for _, d := range before {
		e.after = d.Number
	}
	e.kills = e.house.kills
	if e.calm == nil {
		e.calm, err = e.footprints(ctx)
	}
	return err
}

// note says what a fault did.
func (e *episode) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did = append(e.did, fmt.Sprintf(format, args...))
}

// fail notes a promise that was seen broken while the fault was on.
func (e *episode) fail(invariant, evidence string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed = append(e.failed, Broken{invariant, fmt.Sprintf(evidence, args...)})
}

// excuse says that an invariant cannot be judged beside this fault, and why.
func (e *episode) excuse(invariant, why string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.excused[invariant] = true
	e.did = append(e.did, invariant+" not judged: "+why)
}

// watchCommits notes what the groups have committed, five times a second.
func (e *episode) watchCommits(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, group := range e.groups() {
			asked := time.Now()
			asking, cancel := context.WithTimeout(ctx, time.Second)
			offsets, err := e.admin.FetchOffsets(asking, group)
			cancel()
			if err != nil {
				continue // a broker that is down has nothing to say
			}
			e.mu.Lock()
			offsets.Offsets().Each(func(o kadm.Offset) {
				if o.Topic == topic {
					e.commits = append(e.commits, commit{asked, group, o.Partition, o.At})
				}
			})
			e.mu.Unlock()
		}
	}
}

// settle waits until the outbox is empty, every group has done with all there is,
// and streams have shown what they should. It is when the first two were so.
func (e *episode) settle(ctx context.Context) (empty time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, settleIn)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	patient := e.by.IntN(10) == 0 // one in ten waits for the streams to find out by themselves
	for left := ""; ; {
		if now := e.backlog(ctx); ctx.Err() == nil { // else it is what there was before
			left = now
		}
		switch {
		case left != "":
			empty = time.Time{}
		case empty.IsZero():
			empty = time.Now()
		}
		if left == "" {
			unseen := e.crowd.unseen()
			if unseen == 0 {
				return empty, nil
			}
			left = fmt.Sprintf("%d notifications that no stream has shown", unseen)
			if !patient && time.Since(empty) > time.Second { // the others look anew, as a browser that was in a tunnel
				patient = true
				e.crowd.goOffline()
				e.crowd.goOnline()
			}
		}
		select {
		case <-ctx.Done():
			return time.Now(), fmt.Errorf("after %s there are %s", settleIn, left)
		case <-tick.C:
		}
	}
}

// backlog is what is still to be done, "" for nothing.
func (e *episode) backlog(ctx context.Context) string {
	var rows int
	if err := e.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM outbox`).Scan(&rows); err != nil {
		return "unknown rows in the outbox: " + err.Error()
	}
	if rows > 0 {
		return fmt.Sprintf("%d rows in the outbox", rows)
	}
	var sources []harness.Source
	if err := harness.Ask(ctx, e.house.Run, http.MethodGet, "/dev/sources", nil, &sources); err != nil {
		return "sources of which nothing is known: " + err.Error()
	}
	for _, one := range sources {
		left := int64(0)
		for _, p := range one.Partitions {
			left += p.Lag // what is done with is committed later
		}
		if left != 0 || one.Problem != "" || len(one.Partitions) < e.template.Topics[topic].Partitions {
			return fmt.Sprintf("%d records that %s has not done with %s", left, one.Group, one.Problem)
		}
	}
	return ""
}
