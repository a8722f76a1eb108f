package source

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Source is one running KafkaSource. Start makes it, Stop ends it.
type Source struct {
	config    Config
	sink      *sink
	dead      *sink // nil if there is none
	transport http.RoundTripper
	client    *kgo.Client

	// What is the same in all events and requests.
	wrapSource        string
	overrides         []attribute
	prefer, namespace []string

	mu         sync.Mutex // of these two, not of what is in partitions
	partitions map[string]map[int32]*partition
	commits    sync.Mutex // one at a time, so that none overtakes a newer one
	owned      int        // partitions of the present assignment
	joined     chan struct{}

	flights flights
	gate    gate

	inFlight, inFlightBytes atomic.Int64
	freed                   chan struct{} // tells the poller to look at them
	jobs                    chan job      // to idle workers
	workers                 int           // that were started; the poller's

	work     context.Context // of everything in flight
	giveUp   context.CancelFunc
	poll     context.Context // of polling and of the regular commits
	stopPoll context.CancelFunc
	line     context.Context // of the client
	hangUp   context.CancelFunc
	loops    sync.WaitGroup
	records  sync.WaitGroup
	stopped  sync.Once
}

// Start joins the group and delivers until Stop. It returns once the group has
// let it in and, with Latest, after the end of each partition without a commit
// was committed: every record that is written after that is delivered. ctx
// bounds only the start.
func Start(ctx context.Context, c Config) (*Source, error) {
	s, err := newSource(c)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", c.Name, err)
	}
	if c.Latest {
		if err := CommitEnds(ctx, c); err != nil {
			return nil, fmt.Errorf("source %s: commit the ends of %v for group %s: %w", c.Name, c.Topics, c.Group, err)
		}
	}
	if s.client, err = kgo.NewClient(s.consumerOpts()...); err != nil {
		return nil, fmt.Errorf("source %s: %w", c.Name, err)
	}
	s.loops.Go(s.pollLoop)
	s.loops.Go(s.commitLoop)
	s.loops.Go(s.watchLoop)
	select {
	case <-s.joined:
		return s, nil
	case <-ctx.Done():
		err := fmt.Errorf("source %s: join group %s: %w", c.Name, c.Group, ctx.Err())
		return nil, errors.Join(err, s.Stop(ctx))
	}
}

func newSource(c Config) (*Source, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Delivery.Timeout == 0 {
		c.Delivery.Timeout = 10 * time.Minute
	}
	s := converter(c)
	s.partitions = map[string]map[int32]*partition{}
	s.joined, s.freed = make(chan struct{}), make(chan struct{}, 1)
	s.jobs, s.flights = make(chan job), flights{all: map[*flight]struct{}{}}
	if s.transport = c.Transport; s.transport == nil {
		s.transport = newTransport()
	}
	s.work, s.giveUp = context.WithCancel(context.Background())
	s.poll, s.stopPoll = context.WithCancel(context.Background())
	s.line, s.hangUp = context.WithCancel(context.Background())
	var err error
	if s.sink, err = newSink(c.Sink); err != nil {
		return nil, err
	}
	if c.DeadLetterSink != "" {
		if s.dead, err = newSink(c.DeadLetterSink); err != nil {
			return nil, fmt.Errorf("dead letter %w", err)
		}
	}
	return s, nil
}

// Stop takes no more records, drops what is queued, waits for what is in
// flight with all its retries, commits, and leaves the group. When ctx ends it
// waits no longer: what is then unfinished comes again after the next start.
func (s *Source) Stop(ctx context.Context) error {
	var err error
	s.stopped.Do(func() { err = s.stop(ctx) })
	return err
}

func (s *Source) stop(ctx context.Context) error {
	s.stopPoll()
	s.loops.Wait()
	for _, p := range s.allPartitions() {
		p.drop(s.client)
	}
	unhurried := context.AfterFunc(ctx, s.giveUp)
	s.records.Wait()
	unhurried()
	s.giveUp()

	// Committing and leaving is short, and worth it also when ctx has ended:
	// it saves the next consumer the finished records and the session timeout.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	err := s.commit(ctx, s.client, s.allPartitions())
	err = errors.Join(err, s.client.LeaveGroupContext(ctx))
	s.hangUp() // or closing waits for a rebalance under way, which waits for all members
	s.client.CloseAllowingRebalance()
	s.client.AllowRebalance() // closing polls what is left, and a goroutine of the leave may wait for that
	if t, ok := s.transport.(*http.Transport); ok && s.config.Transport == nil {
		t.CloseIdleConnections()
	}
	if err != nil {
		return fmt.Errorf("stop source %s: %w", s.config.Name, err)
	}
	return nil
}
