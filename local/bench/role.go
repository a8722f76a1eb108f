package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
)

// play is one part of a measurement until ctx ends. It says one line when it is
// ready: its address, if it has one.
func play(ctx context.Context, role string, args []string) {
	parts := map[string]func(ctx context.Context, args []string) error{
		"kafka": playKafka, "sink": playSink, "source": playSource, "post": playPost,
	}
	part := parts[role]
	if part == nil {
		fmt.Fprintf(os.Stderr, "no role %q\n", role)
		os.Exit(2)
	}
	if err := part(ctx, args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", role, err)
		os.Exit(1)
	}
}

const (
	topic   = "talents"
	backlog = 100_000 // events that are in Kafka before anybody reads
)

// playKafka is an embedded Kafka with a backlog in five partitions.
func playKafka(ctx context.Context, _ []string) error {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(5, topic))
	if err != nil {
		return err
	}
	defer cluster.Close()
	producer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer producer.Close()
	var failed atomic.Pointer[error]
	for i := range backlog {
		record, err := talentRecord(i)
		if err != nil {
			return err
		}
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	fmt.Println(cluster.ListenAddrs()[0])
	<-ctx.Done()
	return nil
}

// talentRecord is a registration as the outbox publishes it, with some 400 bytes of data.
func talentRecord(i int) (*kgo.Record, error) {
	id := strconv.Itoa(1_000_000_000 + i)
	e := event.New()
	e.SetID(uuid.Must(uuid.NewV7()).String())
	e.SetSource("/somssi/register-talent")
	e.SetType("somssi.talent.registered.v1")
	e.SetSubject("talent/" + id)
	e.SetTime(time.Now())
	e.SetDataSchema("somssi:/schemas/somssi.talent.registered.v1.json")
	e.SetExtension("partitionkey", id)
	trace := uuid.New()
	e.SetExtension("traceparent", fmt.Sprintf("00-%x-%x-01", trace[:], trace[8:]))
	err := e.SetData(event.ApplicationJSON, map[string]any{
		"talentId": 1_000_000_000 + i, "version": 1, "sellerId": i % 1000, "category": "writing", "priceKrw": 800_000,
		"title": "부모님 자서전 만들기: 네 번의 인터뷰, 원고 작성, 옛 사진 정리, 교정과 편집을 거쳐 소장용 책 10권으로 완성해 드립니다",
		"tags":  []string{"자서전", "인터뷰", "출판", "가족", "선물"}, "at": time.Now().UTC(),
	})
	if err != nil {
		return nil, err
	}
	text, err := e.MarshalJSON()
	r := shared.Row{ID: e.ID(), Topic: topic, Key: id, Text: string(text)}.Record(context.Background())
	r.Partition = int32(i % 5)
	return r, err
}
