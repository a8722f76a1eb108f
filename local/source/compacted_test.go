package source

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared/eventtest"
)

// A real Kafka takes records away that have a newer one of their key. What is left
// is delivered, and the position passes the gaps.
func TestReal_compacted_topic(t *testing.T) {
	t.Parallel()
	brokers := strings.Split(eventtest.Real(t, "TEST_KAFKA_BROKERS")[0], ",")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	topic := fmt.Sprint("compacted-", time.Now().UnixNano())
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	policy, age, ratio := "compact", "100", "0.01"
	if _, err := admin.CreateTopic(ctx, 1, 1, map[string]*string{"cleanup.policy": &policy, "segment.ms": &age, "min.cleanable.dirty.ratio": &ratio}, topic); err != nil {
		t.Fatal(err)
	}
	var last int64
	write := func(key string) {
		t.Helper()
		r, err := client.ProduceSync(ctx, &kgo.Record{Key: []byte(key), Value: []byte("v")}).First()
		if err != nil {
			t.Fatal(err)
		}
		last = r.Offset
	}
	write("first")
	for tick := time.NewTicker(time.Second); !hasGap(ctx, t, brokers, topic, last); <-tick.C {
		write("k")
	}
	write("last")

	offsets := make(chan int64, last+1)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var offset int64
		_, _ = fmt.Sscan(r.Header.Get("Ce-Knativekafkaoffset"), &offset)
		offsets <- offset
	}))
	defer sink.Close()
	c := testConfig(nil)
	c.Brokers, c.Topics, c.Group, c.Sink, c.Transport, c.Ordered = brokers, []string{topic}, topic, sink.URL, nil, true
	s, err := Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	delivered := []int64{}
	for len(delivered) == 0 || delivered[len(delivered)-1] != last {
		select {
		case offset := <-offsets:
			delivered = append(delivered, offset)
		case <-ctx.Done():
			t.Fatalf("%v were delivered, and not %d", delivered, last)
		}
	}
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if delivered[0] != 0 || len(delivered) > int(last) {
		t.Errorf("%v were delivered", delivered)
	}
	commits, err := admin.FetchOffsets(ctx, topic)
	if at, _ := commits.Lookup(topic, 0); err != nil || at.At != last+1 {
		t.Errorf("%d is committed (%v), want %d", at.At, err, last+1)
	}
}

// hasGap is whether fewer records are there than were written up to the last.
func hasGap(ctx context.Context, t *testing.T, brokers []string, topic string, last int64) bool {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for n := int64(0); ; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, r := range fetches.Records() {
			if n++; r.Offset == last {
				return n <= last
			}
		}
	}
}
