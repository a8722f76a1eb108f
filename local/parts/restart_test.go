package parts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/runner"
	"somssi/local/source"
)

// Apache Kafka is stopped, and killed, under a source that runs, and comes back: all that was
// committed before, meanwhile and after is delivered, what was aborted is not, and
// at the end the group is behind all of it.
func TestReal_kafka_restarts_under_a_source(t *testing.T) {
	o := realOptions(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	free, err := runner.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	o.Ports.Kafka = free[0] // the same after the restart
	dir := mkdir(filepath.Join(o.Dir, "real"))
	address, kafka, err := realKafka(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { kafka.stop(syscall.SIGTERM) }()
	if err := (&Parts{Kafka: address}).MakeTopics(ctx, o.Topics); err != nil {
		t.Fatal(err)
	}
	arrived := make(chan string, 10_000)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		arrived <- string(text)
	}))
	defer sink.Close()
	s, err := source.Start(ctx, source.Config{Name: "s", Namespace: "n", Brokers: []string{address}, Topics: []string{"t"}, Group: "g",
		Ordered: true, Sink: sink.URL, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	w := newWriter(t, address)
	before := w.write(ctx, "before", kgo.TryCommit)
	await(ctx, t, arrived, before)
	w.write(ctx, "aborted", kgo.TryAbort)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		kafka.stop(signal)
		meanwhile := make(chan map[string]bool)
		go func() { meanwhile <- w.write(ctx, fmt.Sprint("meanwhile ", signal), kgo.TryCommit) }()
		_, again, err := realKafka(ctx, dir, o)
		if err != nil {
			t.Fatal(err)
		}
		kafka = again
		await(ctx, t, arrived, <-meanwhile)
		await(ctx, t, arrived, w.write(ctx, fmt.Sprint("after ", signal), kgo.TryCommit))
	}
	if err := errors.Join(w.failed, s.Stop(ctx)); err != nil {
		t.Error(err)
	}
	for len(arrived) > 0 {
		if text := <-arrived; text[:5] == "abort" {
			t.Errorf("%s was delivered", text)
		}
	}
	admin := kadm.NewClient(w.client)
	commits, err := admin.FetchOffsets(ctx, "g")
	if err != nil {
		t.Fatal(err)
	}
	ends, err := admin.ListEndOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if commit, _ := commits.Lookup("t", end.Partition); end.Offset-commit.At > 1 { // the last marker
			t.Errorf("partition %d is committed at %d of %d", end.Partition, commit.At, end.Offset)
		}
	})
}

// writer writes transactions.
type writer struct {
	client *kgo.Client
	failed error
}

func newWriter(t *testing.T, address string) *writer {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DefaultProduceTopic("t"), kgo.TransactionalID("w"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &writer{client: client}
}

// write writes a transaction of 50 records and returns their values.
func (w *writer) write(ctx context.Context, name string, end kgo.TransactionEndTry) map[string]bool {
	written := map[string]bool{}
	w.failed = errors.Join(w.failed, w.client.BeginTransaction())
	for n := range 50 {
		text := fmt.Sprint(name, n)
		written[text] = true
		w.failed = errors.Join(w.failed, w.client.ProduceSync(ctx, kgo.StringRecord(text)).FirstErr())
	}
	w.failed = errors.Join(w.failed, w.client.EndTransaction(ctx, end))
	return written
}

// await waits until all of these have arrived.
func await(ctx context.Context, t *testing.T, arrived <-chan string, missing map[string]bool) {
	t.Helper()
	for len(missing) > 0 {
		select {
		case text := <-arrived:
			if text[:5] == "abort" {
				t.Errorf("%s was delivered", text)
			}
			delete(missing, text)
		case <-ctx.Done():
			t.Fatalf("%d were not delivered, such as %v", len(missing), missing)
		}
	}
}
