package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/filter"
	twin "somssi/local/source"
	"somssi/shared/connect"
)

// Follow sets everything up as the plan says, and dispatches with the twin until
// ctx ends. It knows nothing of the cases but what is in the plan. Ready is
// called when all of it dispatches. An empty kafka is that of the plan.
func (p Plan) Follow(ctx context.Context, kafka []string, log zerolog.Logger, ready func()) error {
	return p.follow(ctx, kafka, func() http.RoundTripper { return nil }, log, ready)
}

// follow gives each source a transport, nil for its own.
func (p Plan) follow(ctx context.Context, kafka []string, transport func() http.RoundTripper, log zerolog.Logger, ready func()) error {
	if len(p.Cases) == 0 {
		return errors.New("there is nothing in the plan")
	}
	if len(kafka) == 0 {
		kafka = p.Cases[0].BootstrapServers
	}
	address := strings.Join(kafka, ",")
	options, err := connect.Kafka(address)
	if err == nil {
		err = p.setUp(ctx, address)
	}
	if err != nil {
		return err
	}
	started := make([]*twin.Source, len(p.Cases))
	failed := make([]error, len(p.Cases))
	eachOf(len(p.Cases), func(i int) {
		config, err := p.Cases[i].config(connect.Brokers(address), log)
		config.KafkaOpts, config.Transport = options, transport()
		if err == nil {
			started[i], err = twin.Start(ctx, config)
		}
		failed[i] = err
	})
	err = errors.Join(failed...)
	if err == nil {
		ready()
		<-ctx.Done()
	}
	// What is in flight comes again at the next start, as after any restart.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	eachOf(len(started), func(i int) {
		if started[i] != nil {
			failed[i] = started[i].Stop(stopping)
		}
	})
	return errors.Join(err, errors.Join(failed...))
}

// eachOf runs do for each number below n, some at a time, and waits for all.
func eachOf(n int, do func(i int)) {
	slots := newSlots(parallel)
	for i := range n {
		slots.run(func() { do(i) })
	}
	slots.wait()
}

func (p Plan) setUp(ctx context.Context, address string) error {
	k, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer k.client.Close()
	failed := make([]error, len(p.Cases))
	eachOf(len(p.Cases), func(i int) {
		one := p.Cases[i]
		var topics []topic
		for _, t := range one.Topics {
			topics = append(topics, topic{name: t.Name, partitions: t.Partitions})
		}
		err := k.makeTopics(ctx, topics)
		for _, s := range one.Setup {
			if err == nil {
				err = k.do(ctx, s)
			}
		}
		if err != nil {
			failed[i] = fmt.Errorf("set up %s: %w", one.ID, err)
		}
	})
	return errors.Join(failed...)
}

func (k *kafka) do(ctx context.Context, s Step) error {
	switch {
	case s.Write != nil:
		r := &kgo.Record{Topic: s.Write.Topic, Partition: s.Write.Partition}
		if s.Write.Key != nil {
			r.Key = []byte(*s.Write.Key)
		}
		if s.Write.Value != nil {
			r.Value = []byte(*s.Write.Value)
		}
		for _, h := range s.Write.Headers {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: h.Name, Value: []byte(h.Value)})
		}
		return k.client.ProduceSync(ctx, r).FirstErr()
	case s.Commit != nil:
		answer, err := k.admin.CommitOffsets(ctx, s.Commit.Group, s.Commit.offsets())
		return errors.Join(err, answer.Error())
	case s.DeleteBefore != nil:
		answer, err := k.admin.DeleteRecords(ctx, s.DeleteBefore.offsets())
		return errors.Join(err, answer.Error())
	}
	return errors.New("a step that says nothing")
}

func (p *Position) offsets() kadm.Offsets {
	at := kadm.Offsets{}
	at.AddOffset(p.Topic, p.Partition, p.Offset, -1)
	return at
}

// config is what the twin is told.
func (p Planned) config(kafka []string, log zerolog.Logger) (twin.Config, error) {
	c := twin.Config{
		Name: p.Name, Namespace: p.Namespace, Brokers: kafka, Group: p.Group, KeyType: p.KeyType,
		Latest: p.InitialOffset == "latest", Ordered: p.Ordering == "ordered", Trigger: p.Profile == kinds[trigger],
		Overrides: p.Overrides, Sink: p.Sink, DeadLetterSink: p.DeadLetterSink, Log: log.With().Str("case", p.ID).Logger(),
		Delivery: twin.Delivery{
			Retry: p.Retry, Exponential: p.BackoffPolicy == "exponential",
			Delay: time.Duration(p.BackoffMillis) * time.Millisecond, Timeout: time.Duration(p.TimeoutMillis) * time.Millisecond,
		},
	}
	for _, t := range p.Topics {
		c.Topics = append(c.Topics, t.Name)
	}
	if len(p.Filters) > 0 || len(p.FilterAttributes) > 0 {
		f, err := filter.Compile(p.Filters, p.FilterAttributes)
		if err != nil {
			return c, fmt.Errorf("filters of %s: %w", p.ID, err)
		}
		c.Filter = f.Match
	}
	return c, nil
}
