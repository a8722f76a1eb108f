package corpus

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// record is a record as another producer may write it.
func (h *house) record(t *testing.T, r row) {
	id := h.next()
	event := h.registered()
	event.attributes["type"] = text("somssi.tried.v1")
	words := strings.NewReplacer("$plain", fmt.Sprintf(`{"type":"new_talent","talent_id":%d,"title":"t","category":"corpus"}`, id), "$event", string(event.structured()))
	one := &kgo.Record{Topic: topic}
	if r.Record.Value != nil {
		one.Value = []byte(words.Replace(string(*r.Record.Value)))
	}
	if r.Record.Key != nil {
		one.Key = append([]byte{}, *r.Record.Key...)
	}
	for _, header := range r.Record.Headers {
		of := kgo.RecordHeader{Key: string(*header[0])}
		if header[1] != nil {
			of.Value = append([]byte{}, *header[1]...)
		}
		one.Headers = append(one.Headers, of)
	}
	for n := range r.Record.Many {
		one.Headers = append(one.Headers, kgo.RecordHeader{Key: fmt.Sprint("x", n), Value: []byte("x")})
	}
	h.produce(t, r, "kafka", one)
}

// client is the producer that a row needs.
func (h *house) client(t *testing.T, of *record) *kgo.Client {
	t.Helper()
	if of == nil || of.Compression == "" && of.Transaction == "" {
		return h.kafka
	}
	options := []kgo.Opt{kgo.SeedBrokers(h.Run.Env["KAFKA_BROKERS"]), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2 << 20)}
	if of.Transaction != "" {
		options = append(options, kgo.TransactionalID(t.Name()))
	}
	if codec := map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression()}[of.Compression]; of.Compression != "" {
		options = append(options, kgo.ProducerBatchCompression(codec))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// produce writes a record and a good one behind it, and waits until every reader
// has delivered both.
func (h *house) produce(t *testing.T, r row, door string, one *kgo.Record) {
	t.Helper()
	was := h.calm(t)
	h.tally[door]++
	one.Partition = int32(h.number % partitions)
	kafka := h.client(t, r.Record)
	if r.Record != nil && r.Record.Transaction != "" {
		if err := kafka.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		h.holes++
	}
	var dead int
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM dead_letter`).Scan(&dead); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var err error
	if r.Record != nil && r.Record.Timestamp != 0 {
		h.produceAt(t, one, r.Record.Timestamp)
	} else {
		err = kafka.ProduceSync(t.Context(), one).FirstErr()
	}
	if r.want(door) == "no broker" {
		if !errors.Is(err, kerr.MessageTooLarge) {
			t.Errorf("the broker says %v, want that the record is too large", err)
		}
		h.nothingWritten(t, was, 0)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if r.Record != nil && r.Record.Transaction != "" {
		if err := kafka.EndTransaction(t.Context(), kgo.TransactionEndTry(r.Record.Transaction == "commit")); err != nil {
			t.Fatal(err)
		}
	}
	good := &kgo.Record{Topic: topic, Partition: one.Partition, Value: []byte(`{"type":"corpus"}`)}
	if err := h.kafka.ProduceSync(t.Context(), good).FirstErr(); err != nil {
		t.Fatal(err)
	}
	skipped := r.want(door) == "skipped"
	fates := h.wait(t, one, good, skipped)
	if skipped {
		h.holes++
		h.nothingWritten(t, was, 3) // with the marker of the transaction
		return
	}
	if took := time.Since(began); took > time.Second {
		h.slowest = max(h.slowest, took)
		if h.late(t) {
			t.Errorf("the partition moved on after %s", took)
		}
	}
	h.judge(t, r, door, was, dead, fates)
}

// produceAt writes a record with a time that the client cannot count in nanoseconds.
func (h *house) produceAt(t *testing.T, one *kgo.Record, ms int64) {
	t.Helper()
	topics, err := kadm.NewClient(h.kafka).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 5000
	of, to := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	of.Topic, of.TopicID = topic, topics[topic].ID
	to.Partition, to.Records = one.Partition, batch(kmsg.Record{Value: one.Value}, ms, 1)
	of.Partitions = append(of.Partitions, to)
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(t.Context(), h.kafka)
	if err == nil {
		err = kerr.ErrorForCode(response.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	one.Offset = response.Topics[0].Partitions[0].BaseOffset
}

// wait is what the readers have delivered of two records.
func (h *house) wait(t *testing.T, one, good *kgo.Record, skipped bool) (fates map[string]harness.Delivery) {
	t.Helper()
	eventtest.Eventually(t, "delivered", func() string {
		h.look()
		fates = map[string]harness.Delivery{}
		for _, name := range readers {
			for _, record := range []*kgo.Record{one, good} {
				if record == one && skipped {
					continue
				}
				d, ok := h.delivered[fmt.Sprint(name, record.Partition, "/", record.Offset)]
				if !ok {
					return fmt.Sprintf("%s has not delivered offset %d, of %d and %d", name, record.Offset, one.Offset, good.Offset)
				}
				if record == one {
					fates[name] = d
				}
			}
		}
		return "delivered"
	})
	return fates
}
