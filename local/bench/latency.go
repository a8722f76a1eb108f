package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/source"
)

const (
	paceEvents   = 2_000
	paceInterval = time.Millisecond // between two events
)

// latencyRow: the 99th percentile, in ms, of the time from producing an event to
// the request at its sink, at 1,000 events a second out of five partitions,
// against that to a bare consumer of the same Kafka. All are in this process, so
// that one clock counts.
func latencyRow(ctx context.Context) (Row, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(5, topic))
	if err != nil {
		return Row{}, err
	}
	defer cluster.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return Row{}, err
	}
	defer producer.Close()
	p := &pace{kafka: cluster.ListenAddrs()[0], producer: producer}
	const rounds = 5
	all, err := takeTurns(rounds, p.round(ctx, p.bySource), p.round(ctx, p.byConsumer))
	if err != nil {
		return Row{}, err
	}
	row := Row{What: "p99 from producing an event to the request at its sink, at 1,000 events/s, against a bare consumer", Unit: "ms"}
	return row.of(all), nil
}

// pace produces events at a steady pace, and notes how long each took.
type pace struct {
	kafka    string
	producer *kgo.Client
	sent     [paceEvents]atomic.Int64 // Unix ns
	took     [paceEvents]atomic.Int64 // ns
	arrived  atomic.Int64
	all      chan struct{}
}

// round lets receive take what a round produces, and gives its p99.
func (p *pace) round(ctx context.Context, receive func(context.Context) (stop func() error, err error)) func() (float64, error) {
	return func() (float64, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		p.arrived.Store(0)
		p.all = make(chan struct{})
		stop, err := receive(ctx)
		if err != nil {
			return 0, err
		}
		tick := time.NewTicker(paceInterval)
		defer tick.Stop()
		for i := range paceEvents {
			record, err := talentRecord(i)
			if err != nil {
				return 0, err
			}
			<-tick.C
			p.sent[i].Store(time.Now().UnixNano())
			p.producer.Produce(ctx, record, nil)
		}
		select {
		case <-p.all:
		case <-ctx.Done():
			return 0, fmt.Errorf("%d of %d events arrived: %w", p.arrived.Load(), paceEvents, ctx.Err())
		}
		took := make([]int64, paceEvents)
		for i := range took {
			took[i] = p.took[i].Load()
		}
		slices.Sort(took)
		return ms(time.Duration(took[paceEvents*99/100])), stop()
	}
}

// arrive notes the event whose id is in text, after talent/ or alone.
func (p *pace) arrive(text string) {
	id, err := strconv.Atoi(strings.TrimPrefix(text, "talent/"))
	if i := id - 1_000_000_000; err == nil && i >= 0 && i < paceEvents {
		p.took[i].Store(time.Now().UnixNano() - p.sent[i].Load())
		if p.arrived.Add(1) == paceEvents {
			close(p.all)
		}
	}
}

func (p *pace) bySource(ctx context.Context) (stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.arrive(r.Header.Get("Ce-Subject"))
		w.WriteHeader(http.StatusNoContent)
	})}
	go func() { _ = server.Serve(listener) }() // ends with stop
	c := sourceConfig(p.kafka, "http://"+listener.Addr().String(), fmt.Sprint("pace-", time.Now().UnixNano()), nil)
	c.Latest = true
	s, err := source.Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return func() error {
		err := s.Stop(ctx)
		_ = server.Close()
		return err
	}, nil
}

func (p *pace) byConsumer(ctx context.Context) (stop func() error, err error) {
	group := fmt.Sprint("bare-", time.Now().UnixNano())
	joined := make(chan struct{})
	consumer, err := kgo.NewClient(kgo.SeedBrokers(p.kafka), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.DisableAutoCommit(), kgo.FetchMaxWait(250*time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			fetches := consumer.PollFetches(ctx)
			if fetches.IsClientClosed() || ctx.Err() != nil {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { p.arrive(string(r.Key)) })
		}
	}()
	select {
	case <-joined:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	wait(ctx, 500*time.Millisecond) // until it knows where the end is: what is produced before would be missed
	return func() error { consumer.Close(); return nil }, nil
}
