package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Options say which cases are run, and with whom.
type Options struct {
	// Kafka is the bootstrap servers; none is an embedded Kafka, which only the
	// twin in this process can reach.
	Kafka []string
	// Listen is the address at which the sinks are, host and port; the two ports
	// after it are used too. Empty is a free one of this machine.
	Listen string
	// Prefix begins the names of all topics, groups and resources. Empty is a
	// random one in this process, else "conformance".
	Prefix string
	// Namespace is that of all resources; empty is "conformance".
	Namespace string
	// Select are ids of cases, beginnings of ids, or sections; empty is all.
	Select []string
	// External leaves the dispatching to another process that was set up from
	// the plan.
	External bool
	// Cluster gives the resources of each case to the cluster that kubectl talks
	// to, and removes them after it.
	Cluster bool
	// Wait is how long each thing that must come is waited for. 0 is 60 s in
	// this process and 90 s elsewhere.
	Wait time.Duration
	// Done, unless nil, is told of each result as it comes.
	Done func(r Result, all int)
}

// parallel is how many cases run at once. Most of them wait.
const parallel = 24

// The results of a case.
const (
	Pass = "pass"
	Fail = "fail"
	Skip = "skip"
)

// Result is what became of one case.
type Result struct {
	ID      string `json:"id"`
	Section string `json:"section"`
	Result  string `json:"result"` // Pass, Fail or Skip
	Millis  int64  `json:"millis"`
	Why     string `json:"why"` // empty of a case that passed
	// Differences are requests that are not as they should be.
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is a request that should have come, and the one that came.
type Difference struct {
	Expected string `json:"expected"`
	Received string `json:"received"`
}

// Selected are the cases that the selectors name. A selector that names none is
// an error.
func Selected(selectors []string) ([]Case, error) {
	all := Cases()
	if len(selectors) == 0 {
		return all, nil
	}
	chosen := map[string]bool{}
	for _, s := range selectors {
		found := false
		for _, c := range all {
			if strings.HasPrefix(c.ID, s) || c.Section == s {
				chosen[c.ID], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("no case and no section is called %q: see --list", s)
		}
	}
	return slices.DeleteFunc(all, func(c Case) bool { return !chosen[c.ID] }), nil
}

func (o Options) withDefaults() Options {
	if o.Namespace == "" {
		o.Namespace = "conformance"
	}
	if o.Prefix == "" {
		o.Prefix = "conformance"
		if !o.External {
			o.Prefix += "-" + uuid.NewString()[:8]
		}
	}
	if o.Wait == 0 {
		o.Wait = 60 * time.Second
		if o.External || o.Cluster {
			o.Wait = 90 * time.Second
		}
	}
	return o
}

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
	k, err := connect(ctx, o.Kafka)
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
	limited, cancel := context.WithTimeout(ctx, caseLimit)
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
