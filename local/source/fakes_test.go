package source

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The addresses of the fake sinks.
const (
	sinkURL = "http://notify.default/events?x=1"
	deadURL = "http://keep.default"
)

// call is a request as a sink got it.
type call struct {
	ctx    context.Context
	to     string
	at     time.Time
	header http.Header
	body   string
}

func (c call) id() string { return c.header["ce-id"][0] }

// hang answers only when the source has given up.
func (c call) hang() reply {
	<-c.ctx.Done()
	return reply{}
}

// reply is what a sink answers.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // instead of an answer
}

// sinks is all sinks of a source, and the network to them.
type sinks struct {
	answer func(c call, n int) reply // n counts the calls, from 1; nil accepts

	mu       sync.Mutex
	all      []call
	inFlight int
	most     int // that were in flight
}

func (s *sinks) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{ctx: r.Context(), to: r.URL.String(), at: time.Now(), header: r.Header.Clone()}
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		c.body = string(data)
	}
	s.mu.Lock()
	s.all = append(s.all, c)
	n := len(s.all)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	a := reply{status: 204}
	if s.answer != nil {
		a = s.answer(c, n)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader([]byte(a.body)))}, nil
}

func (s *sinks) calls(to ...string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.all), func(c call) bool {
		return len(to) > 0 && !slices.Contains(to, c.to)
	})
}

func (s *sinks) ids() []string {
	var ids []string
	for _, c := range s.calls() {
		ids = append(ids, c.id())
	}
	return ids
}

// testConfig is a source on the fakes.
func testConfig(to *sinks) Config {
	return Config{
		Name: "orders", Namespace: "shop", Brokers: []string{"localhost:9092"}, Topics: []string{"t"},
		Group: "g", Sink: sinkURL, Transport: to, Log: zerolog.Nop(),
	}
}

// fakeKafka is a broker in a bubble of synctest, where time passes only when
// everybody waits.
type fakeKafka struct {
	*testing.T
	cluster *kfake.Cluster
	net     *kfake.VirtualNetwork
	client  *kgo.Client
}

// withKafka runs a test against a broker with the topic t of so many
// partitions.
func withKafka(t *testing.T, partitions int32, test func(k *fakeKafka)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		k := &fakeKafka{T: t, net: new(kfake.VirtualNetwork)}
		var err error
		k.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(9092), kfake.ListenFn(k.net.Listen),
			kfake.SeedTopics(partitions, "t"))
		if err != nil {
			t.Fatal(err)
		}
		defer k.cluster.Close()
		k.client = k.newClient(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.NoCompression()))
		defer k.client.Close()
		test(k)
	})
}

func (k *fakeKafka) newClient(opts ...kgo.Opt) *kgo.Client {
	k.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers("localhost:9092"), kgo.Dialer(k.net.DialContext))...)
	if err != nil {
		k.Fatal(err)
	}
	return client
}

// produce writes records one by one, so that they keep their order.
func (k *fakeKafka) produce(records ...*kgo.Record) {
	k.Helper()
	for _, r := range records {
		if r.Topic == "" {
			r.Topic = "t"
		}
		if err := k.client.ProduceSync(k.Context(), r).FirstErr(); err != nil {
			k.Fatal(err)
		}
	}
}

func values(n int) []*kgo.Record {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Value: []byte{byte('a' + i%26)}}
	}
	return records
}

func (k *fakeKafka) start(c Config) *Source {
	k.Helper()
	c.KafkaOpts = append(c.KafkaOpts, kgo.Dialer(k.net.DialContext))
	s, err := Start(k.Context(), c)
	if err != nil {
		k.Fatal(err)
	}
	return s
}

func (k *fakeKafka) stop(s *Source) {
	k.Helper()
	if err := s.Stop(context.Background()); err != nil {
		k.Error(err)
	}
}

// committed is the offset the group has for a partition of t, or -1.
func (k *fakeKafka) committed(partition int32) int64 {
	k.Helper()
	offsets, err := kadm.NewClient(k.client).FetchOffsets(k.Context(), "g")
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		k.Fatal(err)
	}
	if o, ok := offsets.Lookup("t", partition); ok {
		return o.At
	}
	return -1
}

func (k *fakeKafka) wantCommitted(partition int32, want int64) {
	k.Helper()
	if got := k.committed(partition); got != want {
		k.Errorf("partition %d is committed at %d, want %d", partition, got, want)
	}
}

// settle waits until nothing happens any more but for the passing of time, and
// lets enough of it pass for fetches, but not for commits.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// fates are what a source observed.
type fates struct {
	mu  sync.Mutex
	all []Delivered
}

func (f *fates) add(d Delivered) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, d)
}

// want is the fates in the order of the offsets.
func (f *fates) want(t *testing.T, want ...string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.all, func(a, b Delivered) int { return int(a.Offset - b.Offset) })
	var got []string
	for _, d := range f.all {
		got = append(got, d.Fate)
	}
	if !slices.Equal(got, want) {
		t.Errorf("fates %v, want %v", got, want)
	}
}

// of is what became of the record at an offset.
func (f *fates) of(offset int64) Delivered {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.all, func(d Delivered) bool { return d.Offset == offset })
	if i < 0 {
		return Delivered{}
	}
	return f.all[i]
}
