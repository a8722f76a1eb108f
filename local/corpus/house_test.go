package corpus

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"database/sql"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared/connect"
	"somssi/shared/eventtest"
)

const (
	topic      = "new_talent_events"
	partitions = 5
)

// readers are the functions with a source on the topic.
var readers = []string{"adopt-talent", "evict-cache", "notify-interested", "update-stats"}

// house is a running one, and all that the test sees of it.
type house struct {
	*harness.Harness
	state  string
	db     *sql.DB
	rdb    *redis.Client
	kafka  *kgo.Client
	key    *ecdsa.PrivateKey // of the issuer
	seller *client.User
	token  string // of another user, who follows the category corpus
	pids   map[string]int
	number int64 // the last talent's

	seen      int                         // deliveries read from the history
	delivered map[string]harness.Delivery // by function, partition and offset
	holes     int                         // offsets that no record has
	logs      map[string]int64            // bytes read of each function's log
	read      map[string]int              // lines
	owed      map[string]int              // lines that there have to be
	dirty     bool                        // Redis holds what an accepted row left
	tally     map[string]int              // executions by door
	follower  *stream                     // nil until it is wanted
	top       *testing.T                  // of the whole run
	slow      sync.WaitGroup              // rows that wait for a server's limit
	other     int64                       // a talent of another seller
	used      string                      // an idempotency key
	living    context.Context             // ends with the test
	slowest   time.Duration               // of the good requests
}

func open(t *testing.T, real bool) *house {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	state, err := os.MkdirTemp("", "corpus")
	if err == nil {
		err = os.Chmod(state, 0o755) // for PostgreSQL's own user
	}
	if err != nil {
		t.Fatal(err)
	}
	running, err := harness.Start(context.Background(), harness.Options{Root: root, State: state, Real: real, Say: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{Harness: running, top: t, state: state, pids: map[string]int{}, number: 5_000_000,
		living: t.Context(), delivered: map[string]harness.Delivery{}, logs: map[string]int64{}, read: map[string]int{}, owed: map[string]int{}, tally: map[string]int{}}
	t.Cleanup(func() {
		if err := running.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		_ = os.RemoveAll(state)
	})
	h.connect(t)
	if real { // it refuses times more than an hour ahead by itself, and what of those that it is told to take?
		longest := fmt.Sprint(math.MaxInt64)
		change := []kadm.AlterConfig{{Name: "message.timestamp.after.max.ms", Value: &longest}}
		if _, err := kadm.NewClient(h.kafka).AlterTopicConfigs(t.Context(), change, topic); err != nil {
			t.Fatal(err)
		}
	}
	for name, f := range h.Functions() {
		h.pids[name], h.owed[name] = f.PID, 1 // that it is ready
	}
	if h.seller, err = client.SignIn(t.Context(), http.DefaultTransport, h.Run.URL, 41); err != nil {
		t.Fatal(err)
	}
	follower, err := client.SignIn(t.Context(), http.DefaultTransport, h.Run.URL, 42)
	if err == nil {
		err = follower.Follow(t.Context(), "corpus")
	}
	if err != nil {
		t.Fatal(err)
	}
	h.token = h.forge(t, forged{})
	return h
}

func (h *house) connect(t *testing.T) {
	t.Helper()
	var err error
	if h.db, err = connect.SQL(h.Run.Env["DATABASE_URL"]); err != nil {
		t.Fatal(err)
	}
	options, err := redis.ParseURL(h.Run.Env["REDIS_URL"])
	if err != nil {
		t.Fatal(err)
	}
	h.rdb = redis.NewClient(options)
	h.kafka, err = kgo.NewClient(kgo.SeedBrokers(h.Run.Env["KAFKA_BROKERS"]), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(2<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.kafka.Close(); _ = h.rdb.Close(); _ = h.db.Close() })
	der, err := os.ReadFile(filepath.Join(h.state, "issuer.key"))
	if err == nil {
		h.key, err = x509.ParseECPrivateKey(der)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) address(function string) string {
	if function == "gateway" {
		return strings.TrimPrefix(h.Run.URL, "http://")
	}
	return strings.TrimPrefix(h.Functions()[function].URL, "http://")
}

func (h *house) next() int64 { h.number++; return h.number }

// ends is how many records the topic has had.
func (h *house) ends(t *testing.T) (sum int64) {
	t.Helper()
	request, of := kmsg.NewPtrListOffsetsRequest(), kmsg.NewListOffsetsRequestTopic() // a library asks for the topic first, each time
	of.Topic = topic
	for n := range int32(partitions) {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = n, -1
		of.Partitions = append(of.Partitions, p)
	}
	request.Topics = append(request.Topics, of)
	response, err := request.RequestWith(t.Context(), h.kafka)
	if err != nil || len(response.Topics) != 1 {
		t.Fatalf("list the end offsets: %v", err)
	}
	for _, p := range response.Topics[0].Partitions {
		if p.ErrorCode != 0 {
			t.Fatal(kerr.ErrorForCode(p.ErrorCode))
		}
		sum += p.Offset
	}
	return sum
}

// look reads what the history has new.
func (h *house) look() {
	for _, d := range h.History.After(h.seen) {
		h.seen = d.Number
		h.delivered[fmt.Sprint(d.Function, d.Partition, "/", d.Offset)] = d
		for _, a := range d.Attempts {
			if a.Status != 0 && a.Status != http.StatusRequestHeaderFieldsTooLarge { // which the server answers by itself
				h.owed[strings.TrimPrefix(strings.Split(a.To, ".")[0], "http://")]++
			}
		}
	}
}

// settled waits until the outbox is empty and all that is in the topic has been
// delivered to all its readers.
func (h *house) settled(t *testing.T) {
	t.Helper()
	eventtest.Eventually(t, "settled", func() string {
		var waiting int
		if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM outbox`).Scan(&waiting); err != nil || waiting > 0 {
			return fmt.Sprintf("%d in the outbox, %v", waiting, err)
		}
		ends := h.ends(t)
		h.look()
		if want := len(readers) * (int(ends) - h.holes); len(h.delivered) != want {
			return fmt.Sprintf("%d deliveries, want %d", len(h.delivered), want)
		}
		return "settled"
	})
}
