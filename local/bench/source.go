package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// inFlight is as many requests as an unordered source has at once at most;
	// the other side always has so many. Fewer would be no fair comparison, as
	// the source can have them, and it spends its time between 50 and 99.
	inFlight = 99
	// Measured is between these events of a round: the time before is for
	// starting, joining the group and opening connections.
	firstEvent, lastEvent = 5_000, 30_000
	postTimeout           = 30 * time.Second
)

// sourceRow: events/s that a sink answers, sent by an unordered source out of
// the backlog of an embedded Kafka, against the very same requests sent out of
// memory by the same transport with the same timeout. Each of Kafka, sink and
// sender is a process; Kafka's share of the machine counts against the source.
func sourceRow(ctx context.Context, b *bench) ([]Row, error) {
	stage, err := newStage(ctx)
	if err != nil {
		return nil, err
	}
	defer stage.end()
	var cpu [2]time.Duration // of the senders, over all rounds
	side := func(i int, role string) func() (float64, error) {
		return func() (float64, error) {
			rate, used, err := stage.round(ctx, role)
			cpu[i] += used
			return rate, err
		}
	}
	const rounds = 5
	all, err := takeTurns(rounds, side(0, "source"), side(1, "post"))
	if err != nil {
		return nil, err
	}
	row := Row{What: "local source, against the same client posting the same requests from memory", Unit: "events/s", Least: 0.85}
	row.Notes = []string{
		fmt.Sprintf("99 in flight at most; %d events a round; the sender alone used %s against %s of processor time in all, starting included",
			lastEvent-firstEvent, cpu[0].Round(10*time.Millisecond), cpu[1].Round(10*time.Millisecond)),
	}
	row.Notes = append(row.Notes, fmt.Sprintf("%.0f events a second and core of the sender, against %.0f; memory with all %d waiting is in row 8",
		lastEvent*rounds/cpu[0].Seconds(), lastEvent*rounds/cpu[1].Seconds(), backlog))
	paced, err := latencyRow(ctx)
	return []Row{row.of(all), paced}, err
}

// stage is the Kafka and the sink of a measurement of the source.
type stage struct {
	kafka, sink          process
	kafkaAddress, target string
}

func newStage(ctx context.Context) (s *stage, err error) {
	s = &stage{}
	if s.kafka, s.kafkaAddress, err = role(ctx, "kafka"); err != nil {
		return nil, err
	}
	if s.sink, s.target, err = role(ctx, "sink"); err != nil {
		s.kafka.end()
		return nil, err
	}
	return s, nil
}

func (s *stage) end() {
	s.sink.end()
	s.kafka.end()
}

// round runs one sender for as many events as a round has.
func (s *stage) round(ctx context.Context, sender string) (rate float64, cpu time.Duration, err error) {
	took, err := s.window(ctx, firstEvent, lastEvent)
	if err != nil {
		return 0, 0, err
	}
	p, _, err := role(ctx, sender, s.kafkaAddress, s.target)
	if err != nil {
		return 0, 0, err
	}
	ns, err := took()
	p.end()
	return (lastEvent - firstEvent) / ns.Seconds(), p.cpu(), err
}

// window lets the sink count from now on; took waits for the last event.
func (s *stage) window(ctx context.Context, from, to int) (took func() (time.Duration, error), err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/window?from=%d&to=%d", s.target, from, to), http.NoBody)
	if err != nil {
		cancel()
		return nil, err
	}
	response, err := http.DefaultClient.Do(request) //nolint:bodyclose // took closes it
	if err != nil {
		cancel()
		return nil, err
	}
	return func() (time.Duration, error) {
		defer cancel()
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return 0, fmt.Errorf("wait for %d events at the sink: %w", to, err)
		}
		ns, err := strconv.ParseInt(string(text), 10, 64)
		return time.Duration(ns), err
	}, nil
}
