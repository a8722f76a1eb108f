package conformance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// parallel is how many cases run at once. Most of them wait.
const parallel = 24

// Run runs the cases and returns their results in the order of the contract. The
// error is that it could not be begun, or that ctx ended.
func Run(ctx context.Context, o Options) ([]Result, error) {
	o = o.withDefaults()
	cases, err := Selected(o.Select)
	if err != nil {
		return nil, err
	}
	server, err := o.open()
	if err != nil {
		return nil, err
	}
	defer server.close()
	var with target = inProcess{cleanUp: len(o.Kafka) > 0}
	switch {
	case o.External:
		with = stranger{}
	case o.Cluster:
		with = cluster{}
	}
	if len(o.Kafka) == 0 {
		own, err := ownKafka()
		if err != nil {
			return nil, err
		}
		defer own.Close()
		o.Kafka = own.ListenAddrs()
	}
	k, err := dial(ctx, strings.Join(o.Kafka, ","))
	if err != nil {
		return nil, err
	}
	defer k.client.Close()
	s := &suite{Options: o, target: with, kafka: k, server: server, all: len(cases)}
	results := make([]Result, len(cases))
	// Those that need the most take the longest, so that they begin first.
	var order, quick []int
	for i, c := range cases {
		if c.needs == control || c.needs == ours {
			order = append(order, i)
		} else {
			quick = append(quick, i)
		}
	}
	order = append(order, quick...)
	eachOf(len(cases), func(i int) { results[order[i]] = s.try(ctx, cases[order[i]]) })
	if ctx.Err() != nil {
		return results, fmt.Errorf("run the cases: %w", ctx.Err())
	}
	return results, nil
}

// open starts the server of the sinks, and fills in where it is.
func (o *Options) open() (*sinks, error) {
	if o.Listen != "" {
		return listen(o.Listen)
	}
	server, err := listenAnywhere()
	if err == nil {
		o.Listen = server.address
	}
	return server, err
}

// suite is all that the cases share.
type suite struct {
	Options
	target target
	kafka  *kafka
	server *sinks
	all    int
	told   sync.Mutex
}

// try runs one case.
func (s *suite) try(ctx context.Context, c Case) Result {
	began := time.Now()
	out := Result{ID: c.ID, Section: c.Section, Result: Pass}
	if why := s.target.skip(c); why != "" {
		out.Result, out.Why = Skip, why
	} else {
		s.judge(ctx, c, &out)
	}
	out.Millis = time.Since(began).Milliseconds()
	if s.Done != nil {
		s.told.Lock()
		defer s.told.Unlock()
		s.Done(out, s.all)
	}
	return out
}

// caseLimit bounds a case as a whole; each thing that it waits for has a limit of
// its own.
const caseLimit = 4 * time.Minute

func (s *suite) judge(ctx context.Context, c Case, out *Result) {
	limited, cancel := context.WithTimeout(ctx, max(caseLimit, 4*s.Wait))
	defer cancel()
	r := &run{
		setup: s.prepare(c), needs: c.needs, ctx: limited, kafka: s.kafka, server: s.server, sinks: s.server.of(c.ID),
		limit: s.Wait, written: map[string]map[int32]bool{},
	}
	s.perform(c, r)
	if ctx.Err() != nil {
		r.wrong = []wrong{{what: "interrupted"}}
	}
	var why []string
	for _, w := range r.wrong {
		why = append(why, w.what)
		if w.expected != "" {
			out.Differences = append(out.Differences, Difference{w.expected, w.received})
		}
	}
	if out.Why = strings.Join(why, "; "); len(why) > 0 {
		out.Result = Fail
	}
}

// perform does what the row says, in a goroutine that fatalf may end.
func (s *suite) perform(c Case, r *run) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.target.begin(r); err != nil {
			r.fatalf("%v", err)
		}
		c.run(r)
	}()
	<-done
	for _, release := range r.holds {
		release()
	}
	s.target.end(r)
}
