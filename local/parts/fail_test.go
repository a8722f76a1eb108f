package parts

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sync/errgroup"

	"somssi/local/template"
)

// Parts that are killed come again at their address, with what they had
// acknowledged: of the embedded Redis that is nothing. Kafka tells its clients of
// the port that it was told.
func TestKill_and_again(t *testing.T) {
	for _, variable := range []string{"KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL"} {
		t.Setenv(variable, "") // or a running one would be used
	}
	t.Run("embedded", func(t *testing.T) {
		o := Options{Dir: t.TempDir(), Say: t.Logf, Topics: map[string]template.Topic{"t": {Partitions: 2, Replication: 3}}}
		failAndComeAgain(t, o, []string{Kafka, Redis}, "record, , row")
	})
	t.Run("real", func(t *testing.T) {
		failAndComeAgain(t, realOptions(t), []string{Kafka, Redis, SQL}, "record, key, row")
	})
}

func failAndComeAgain(t *testing.T, o Options, names []string, want string) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	p, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	before := [...]string{p.Kafka, p.Redis, p.SQL}
	kafkaHas(ctx, t, p.Kafka, 0)
	redisHas(ctx, t, p.Redis, 0)
	sqlHas(ctx, t, p.SQL, 0)
	var all errgroup.Group
	for _, name := range names { // at the same time
		all.Go(func() error {
			err := errors.Join(p.Kill(name), p.Again(ctx, name))
			if unsent := p.Signal(name, syscall.SIGCONT); (unsent == nil) != o.Real {
				t.Errorf("signal %s: %v", name, unsent)
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	if after := [...]string{p.Kafka, p.Redis, p.SQL}; after != before {
		t.Errorf("now at %v, before at %v", after, before)
	}
	if got := fmt.Sprintf("%s, %s, %s", kafkaHas(ctx, t, p.Kafka, 1), redisHas(ctx, t, p.Redis, 1), sqlHas(ctx, t, p.SQL, 1)); got != want {
		t.Errorf("after the kills: %s, want %s", got, want)
	}
	if err := p.Kill("Elasticsearch"); err == nil {
		t.Error("a part that is none was killed")
	}
}

func TestAdvertised(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	o := Options{Dir: t.TempDir(), Advertised: 4711, Say: t.Logf}
	address, stop, err := embeddedKafka(&o)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	var own int
	if _, err := fmt.Sscanf(address, "localhost:%d", &own); err != nil {
		t.Fatal(err)
	}
	if own != o.Ports.Kafka {
		t.Errorf("at %s, not at its own port %d", address, o.Ports.Kafka)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	metadata, err := kmsg.NewPtrMetadataRequest().RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if got := metadata.Brokers[0].Port; got != 4711 {
		t.Errorf("it says that it is at port %d", got)
	}
}
