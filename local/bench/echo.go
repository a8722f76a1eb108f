package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/connect"
)

// echo is a producer and a consumer of the harness's Kafka, with a topic of their own.
type echo struct {
	client *kgo.Client
	record *kgo.Record
	came   chan time.Time
}

const echoTopic = "somssi_bench"

func openEcho(ctx context.Context, h *house) (*echo, error) {
	record, err := talentRecord(1)
	if err != nil {
		return nil, err
	}
	e := &echo{record: record, came: make(chan time.Time, 1)}
	options, err := connect.Kafka(h.Run.Env["KAFKA_BROKERS"])
	if err != nil {
		return nil, err
	}
	e.client, err = kgo.NewClient(append(options, kgo.ProducerLinger(0), kgo.ConsumeTopics(echoTopic))...)
	if err != nil {
		return nil, err
	}
	if _, err := kadm.NewClient(e.client).CreateTopic(ctx, 1, 1, nil, echoTopic); err != nil {
		e.client.Close()
		return nil, fmt.Errorf("make topic %s: %w", echoTopic, err)
	}
	go e.listen(ctx)
	return e, nil
}

func (e *echo) listen(ctx context.Context) {
	for {
		fetches := e.client.PollFetches(ctx)
		at := time.Now()
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachRecord(func(*kgo.Record) { e.came <- at })
	}
}

func (e *echo) once(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	e.client.Produce(ctx, &kgo.Record{Topic: echoTopic, Key: e.record.Key, Value: e.record.Value, Headers: e.record.Headers}, nil)
	select {
	case at := <-e.came:
		return at.Sub(began), nil
	case <-time.After(10 * time.Second):
		return 0, errors.New("what was produced was not consumed within 10 s")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (e *echo) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, _ = kadm.NewClient(e.client).DeleteTopic(ctx, echoTopic) // a Kafka that is not embedded goes on
	e.client.Close()
}
