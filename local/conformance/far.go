package conformance

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// far is the offset around which C08 is.
const far = 1 << 31

// wantFarPosition is C08. No Kafka has two thousand million records for a test,
// so this one answers every fetch, from whatever offset, with the same batch.
// What tracks the position is the same as ever. A KafkaSource would make a POST
// of each of a million records, so that it is given few; a Trigger discards
// what is no CloudEvent, and is given more than a million.
func wantFarPosition(c *run) {
	from, until := int64(far-100), int64(far+50)
	if c.profile == kinds[trigger] {
		from, until = far-600_000, far+400_000
	}
	topic := c.topics[0].name
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topic), kfake.SyntheticFetch(kfake.SyntheticBatch{Batch: c.rawBatch(5000)}))
	if err != nil {
		c.fatalf("%v", err)
	}
	defer cluster.Close()
	before, addresses := c.kafka, c.setup.kafka
	defer func() { c.kafka, c.setup.kafka = before, addresses }() // for who cleans up
	c.setup.kafka = cluster.ListenAddrs()
	if c.kafka, err = dial(c.ctx, c.setup.kafka[0]); err != nil {
		c.fatalf("%v", err)
	}
	defer c.kafka.client.Close()
	if c.ways[0].source != nil {
		c.ways[0].source.Spec.BootstrapServers = c.setup.kafka
	}
	if err := c.kafka.take(c.ctx, c.setup, step{commit: &commit{0, from}}); err != nil {
		c.fatalf("%v", err)
	}
	held := make(chan int64, 1)
	c.answer("sink", func(r Request, _ int) Answer {
		offset, err := strconv.ParseInt(r.Get("ce-knativekafkaoffset"), 10, 64)
		if err != nil || offset >= until {
			select {
			case held <- offset:
			default:
			}
			return Answer{Hang: true}
		}
		return Answer{Status: 204}
	})
	c.restart()
	defer inProcess{}.end(c)
	select {
	case offset := <-held:
		c.waitPosition(c.ways[0], topic, 0, offset)
	case <-c.ctx.Done():
		c.errorf("offset %d did not come", until)
	}
}

// rawBatch is so many records as a Kafka stores them: the last one an event, the
// others nothing.
func (c *run) rawBatch(n int) []byte {
	name := c.name("batch")
	if err := c.kafka.makeTopics(c.ctx, []topic{{name: name, partitions: 1}}); err != nil {
		c.fatalf("%v", err)
	}
	defer func() { _, _ = c.kafka.admin.DeleteTopics(c.ctx, name) }() // in a Kafka that stays it would stay
	client, err := c.kafka.another(kgo.ManualFlushing(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		c.fatalf("%v", err)
	}
	defer client.Close()
	for range n - 1 {
		client.Produce(c.ctx, &kgo.Record{Topic: name}, nil)
	}
	last := event("a")
	last.Topic = name
	client.Produce(c.ctx, last, nil)
	if err := client.Flush(c.ctx); err != nil {
		c.fatalf("%v", err)
	}
	topics, err := c.kafka.admin.ListTopics(c.ctx, name)
	if err != nil {
		c.fatalf("%v", err)
	}
	ask := kmsg.NewPtrFetchRequest()
	part := kmsg.NewFetchRequestTopicPartition()
	part.PartitionMaxBytes = 1 << 20
	of := kmsg.NewFetchRequestTopic()
	of.Topic, of.TopicID, of.Partitions = name, topics[name].ID, []kmsg.FetchRequestTopicPartition{part}
	ask.MaxWaitMillis, ask.MinBytes, ask.MaxBytes, ask.Topics = 1000, 1, 1<<20, []kmsg.FetchRequestTopic{of}
	answer, err := client.Broker(int(topics[name].Partitions[0].Leader)).RetriableRequest(c.ctx, ask)
	if err != nil {
		c.fatalf("%v", err)
	}
	return answer.(*kmsg.FetchResponse).Topics[0].Partitions[0].RecordBatches
}
