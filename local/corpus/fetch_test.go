package corpus

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/local/source"
)

// fetch is a broker of its own whose first answer is broken. The source must live,
// and deliver what the broker then has, as it is.
func (h *house) fetch(t *testing.T, r row) {
	h.tally["fetch"]++
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	broken := make(chan time.Time, 1)
	cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		in := request.(*kmsg.FetchRequest)
		if len(in.Topics) == 0 || len(in.Topics[0].Partitions) == 0 {
			cluster.KeepControl()
			return nil, nil, false
		}
		broken <- time.Now()
		return answerBroken(in, r.Fetch), nil, true
	})
	got := make(chan string, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got <- string(text)
	}))
	defer sink.Close()
	s, err := source.Start(t.Context(), source.Config{Brokers: cluster.ListenAddrs(), Topics: []string{"t"}, Group: "g", Sink: sink.URL,
		Name: "s", Namespace: "n", Log: zerolog.New(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop(context.Background()) }()
	began := <-broken
	kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.DefaultProduceTopic("t"))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if err := kafka.ProduceSync(t.Context(), kgo.StringRecord("good")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-got:
		if text == "broken" && r.Fetch == "count" {
			return // what can be read of it was
		}
		if took := time.Since(began); text != "good" || took > 2*time.Second && h.late(t) {
			t.Errorf("%q was delivered after %s", text, took)
		}
	case <-time.After(15 * time.Second):
		t.Error("nothing was delivered")
	}
}

// batch is one record as it lies in Kafka, with a count and a time that no client
// would write.
func batch(record kmsg.Record, ms int64, count int32) []byte {
	size := len(record.AppendTo(nil)) - 1 // without the length, which is one byte where it is 0
	record.Length = int32(size)
	b := kmsg.RecordBatch{Magic: 2, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: count,
		FirstTimestamp: ms, MaxTimestamp: ms, Records: record.AppendTo(nil)}
	b.Length = int32(len(b.AppendTo(nil)) - 12)
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// answerBroken is one record in a batch that is wrong in one way.
func answerBroken(in *kmsg.FetchRequest, how string) kmsg.Response {
	count := int32(1)
	if how == "count" {
		count = 1 << 30
	}
	raw := batch(kmsg.Record{Value: []byte("broken")}, 0, count)
	switch how {
	case "checksum":
		raw[17] ^= 0xff
	case "length":
		binary.BigEndian.PutUint32(raw[8:], uint32(0xfffffff0))
	case "magic":
		raw[16] = 9
	case "count":
	default:
		panic(fmt.Sprint("no such way: ", how))
	}
	out := in.ResponseKind().(*kmsg.FetchResponse)
	topic := kmsg.NewFetchResponseTopic()
	topic.Topic, topic.TopicID = in.Topics[0].Topic, in.Topics[0].TopicID
	partition := kmsg.NewFetchResponseTopicPartition()
	partition.HighWatermark, partition.LastStableOffset, partition.RecordBatches = 1, 1, raw
	topic.Partitions = append(topic.Partitions, partition)
	out.Topics = append(out.Topics, topic)
	return out
}
