package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/connect"
)

// kafka is the suite's own connection, which all cases share.
type kafka struct {
	client  *kgo.Client
	admin   *kadm.Client
	options []kgo.Opt // of any other client
}

func dial(ctx context.Context, address string) (*kafka, error) {
	options, err := connect.Kafka(address)
	if err != nil {
		return nil, err
	}
	k := &kafka{options: options}
	// A record that precedes a topic's metadata would wait for its turn.
	client, err := k.another(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.MetadataMinAge(100*time.Millisecond), kgo.UnknownTopicRetries(20))
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, connect.Unreachable("Kafka", address, err)
	}
	k.client, k.admin = client, kadm.NewClient(client)
	return k, nil
}

// another is one more client of the same Kafka.
func (k *kafka) another(options ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(slices.Clip(k.options), options...)...)
}

// build makes the topics of a setup and what happened to them. A topic that is
// there stays as it is.
func (k *kafka) build(ctx context.Context, s *setup) error {
	if err := k.makeTopics(ctx, s.topics); err != nil {
		return err
	}
	for _, one := range s.before {
		if err := k.take(ctx, s, one); err != nil {
			return fmt.Errorf("set up %s: %w", s.id, err)
		}
	}
	return nil
}

func (k *kafka) makeTopics(ctx context.Context, topics []topic) error {
	for _, t := range topics {
		configs := map[string]*string{}
		for name, value := range t.configs {
			configs[name] = &value
		}
		made, err := k.admin.CreateTopic(ctx, t.partitions, -1, configs, t.name)
		if err == nil {
			err = made.Err
		}
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %s: %w", t.name, err)
		}
	}
	return nil
}

func (k *kafka) take(ctx context.Context, s *setup, one step) error {
	switch {
	case one.write != nil:
		r := *one.write
		r.Topic = s.topicOf(&r)
		return k.client.ProduceSync(ctx, &r).FirstErr()
	case one.commit != nil:
		c, err := s.ways[one.commit.way].config(s.kafka)
		if err != nil {
			return err
		}
		at := kadm.Offsets{}
		at.AddOffset(s.topics[0].name, 0, one.commit.offset, -1)
		answer, err := k.admin.CommitOffsets(ctx, c.Group, at)
		return errors.Join(err, answer.Error())
	default:
		before := kadm.Offsets{}
		before.AddOffset(s.topics[0].name, 0, *one.trim, -1)
		answer, err := k.admin.DeleteRecords(ctx, before)
		return errors.Join(err, answer.Error())
	}
}

// cleanUp removes the topics and the groups of a case. A group may have a member
// that was killed, and then goes by itself.
func (k *kafka) cleanUp(ctx context.Context, s *setup) error {
	var topics, groups []string
	for _, t := range s.topics {
		topics = append(topics, t.name)
	}
	for _, w := range s.ways {
		if c, err := w.config(s.kafka); err == nil {
			groups = append(groups, c.Group)
		}
	}
	_, err := k.admin.DeleteGroups(ctx, groups...)
	if len(topics) > 0 {
		_, gone := k.admin.DeleteTopics(ctx, topics...)
		err = errors.Join(err, gone)
	}
	return err
}

// topicOf is the topic of a record: that of its name in the case, or the first.
func (s *setup) topicOf(r *kgo.Record) string {
	if r.Topic == "" {
		return s.topics[0].name
	}
	return s.name(r.Topic)
}

// committed is the position of a group, -1 if there is none.
func (k *kafka) committed(ctx context.Context, group, topic string, partition int32) (int64, error) {
	all, err := k.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return -1, fmt.Errorf("fetch the commits of group %s: %w", group, err)
	}
	if one, ok := all.Lookup(topic, partition); ok {
		return one.At, one.Err
	}
	return -1, nil
}

// end is the offset after the last record.
func (k *kafka) end(ctx context.Context, topic string, partition int32) (int64, error) {
	all, err := k.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return -1, fmt.Errorf("ask for the end of %s: %w", topic, err)
	}
	one, _ := all.Lookup(topic, partition)
	return one.Offset, one.Err
}
