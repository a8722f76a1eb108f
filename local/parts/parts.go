// Package parts starts what the functions need besides each other: Kafka,
// Redis and SQL, embedded in this process or as the real servers, unless the
// environment names running ones.
package parts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"somssi/infra/schema"
	"somssi/local/template"
	"somssi/shared/connect"
)

// Ports is where parts listen; 0 is any free port. SQL is that of a real PostgreSQL.
type Ports struct{ Kafka, Redis, SQL int }

// Options say which parts are started, and where.
type Options struct {
	Dir   string // of their data
	Ports Ports
	// Host is an address of this machine at which real parts are reached from
	// others, who need no password; without it they are for this machine only.
	Host string
	// Advertised is the port at which Kafka tells its clients to reach it, where
	// that is not its own: of a proxy before it.
	Advertised int
	Topics     map[string]template.Topic // which are made
	Real       bool                      // Apache Kafka, redis-server and PostgreSQL as processes
	Jars       string                    // folder in which Apache Kafka is kept once it was fetched
	Say        func(format string, args ...any)

	test bool // by StartForTests
}

// bind is the address to listen at, and host how clients say it.
func (o Options) bind() string { return cmp.Or(o.Host, "127.0.0.1") }
func (o Options) host() string { return cmp.Or(o.Host, "localhost") }

// Parts are running parts and how to reach them.
type Parts struct {
	Kafka, Redis, SQL string              // KAFKA_BROKERS, REDIS_URL, DATABASE_URL
	EmptyRedis        bool                // whether it began without the views that it held before
	mu                sync.Mutex          // of running: parts fail and come back at the same time
	running           map[string]*running // by name
	stop              []func()
}

// Start starts the parts, with their data in o.Dir, and makes the topics and
// the schema. A part whose variable is set in the environment is used as it is.
// Nothing is left running where it fails.
func Start(ctx context.Context, o Options) (*Parts, error) {
	p := &Parts{Kafka: os.Getenv("KAFKA_BROKERS"), Redis: os.Getenv("REDIS_URL"), SQL: os.Getenv("DATABASE_URL"), running: map[string]*running{}}
	start := p.startEmbedded
	if o.Real {
		start = p.startReal
	}
	err := named(ctx)
	if err == nil {
		err = start(ctx, o)
	}
	if err == nil {
		err = errors.Join(p.MakeTopics(ctx, o.Topics), p.makeSchema(ctx))
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop stops the parts that were started, the last one first.
func (p *Parts) Stop() {
	for i := len(p.stop) - 1; i >= 0; i-- {
		p.stop[i]()
	}
	p.stop = nil
}

// inUse says of a port that is taken what to do about it.
func inUse(err error, part string, port int, flag, variable string) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("start the embedded %s: %w", part, err)
	}
	return fmt.Errorf("port %d for %s is in use by another program: stop that program, or give %s another port (0 for any free one), or, if it is a %s, use it with %s",
		port, part, flag, part, variable)
}

// MakeTopics makes those that are not there, with as many replicas as there are brokers for.
func (p *Parts) MakeTopics(ctx context.Context, topics map[string]template.Topic) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := clientOf(p.Kafka)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return connect.Unreachable("KAFKA_BROKERS", p.Kafka, err)
	}
	there, err := admin.ListTopics(ctx)
	if err != nil {
		return connect.Unreachable("KAFKA_BROKERS", p.Kafka, err)
	}
	for name, topic := range topics {
		if there.Has(name) { // which a user may see who has no right to make one
			continue
		}
		retention := fmt.Sprint(time.Duration(topic.Retention).Milliseconds())
		copies := min(topic.Replication, len(brokers))
		_, err := admin.CreateTopic(ctx, int32(topic.Partitions), int16(copies), map[string]*string{"retention.ms": &retention}, name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %s: %w", name, connect.Unreachable("KAFKA_BROKERS", p.Kafka, err))
		}
	}
	return nil
}

func (p *Parts) makeSchema(ctx context.Context) error {
	db, err := connect.SQL(p.SQL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return schema.Migrate(ctx, db, p.SQL)
}
