// Package parts starts what the functions need besides each other: Kafka,
// Redis and SQL, embedded in this process unless the environment names running
// ones.
package parts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/infra/schema"
	"somssi/local/template"
	"somssi/shared"
)

// Ports is where embedded parts listen, on this machine only; 0 is any free port.
type Ports struct{ Kafka, Redis int }

// Parts are running parts and how to reach them.
type Parts struct {
	Kafka, Redis, SQL string // KAFKA_BROKERS, REDIS_URL, DATABASE_URL
	EmptyRedis        bool   // whether it began without the views that it held before
	stop              []func()
}

// Start starts the parts, with their data in dir, and makes the topics and the
// schema. A part whose variable is set in the environment is used as it is.
func Start(ctx context.Context, dir string, ports Ports, topics map[string]template.Topic) (*Parts, error) {
	p := &Parts{Kafka: os.Getenv("KAFKA_BROKERS"), Redis: os.Getenv("REDIS_URL"), SQL: os.Getenv("DATABASE_URL")}
	if err := errors.Join(p.startKafka(dir, ports.Kafka), p.startRedis(ports.Redis)); err != nil {
		p.Stop()
		return nil, err
	}
	if p.SQL == "" {
		p.SQL = "sqlite://" + filepath.Join(dir, "somssi.db")
	}
	if err := errors.Join(p.makeTopics(ctx, topics), p.makeSchema(ctx)); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop stops the embedded parts, the last one first.
func (p *Parts) Stop() {
	for i := len(p.stop) - 1; i >= 0; i-- {
		p.stop[i]()
	}
	p.stop = nil
}

func (p *Parts) startKafka(dir string, port int) error {
	if p.Kafka != "" {
		return nil
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(filepath.Join(dir, "kafka")))
	if err != nil {
		return inUse(err, "Kafka", port, "--kafka-port", fmt.Sprintf("KAFKA_BROKERS=localhost:%d", port))
	}
	p.stop = append(p.stop, cluster.Close)
	_, number, err := net.SplitHostPort(cluster.ListenAddrs()[0])
	p.Kafka = "localhost:" + number
	return err
}

func (p *Parts) startRedis(port int) error {
	if p.Redis != "" {
		return nil
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		return inUse(err, "Redis", port, "--redis-port", fmt.Sprintf("REDIS_URL=redis://localhost:%d", port))
	}
	clock := time.NewTicker(time.Second) // its keys do not expire by themselves
	stopped := make(chan struct{})
	go func() {
		for {
			select {
			case <-stopped:
				return
			case <-clock.C:
				server.FastForward(time.Second)
			}
		}
	}()
	p.stop = append(p.stop, func() { clock.Stop(); close(stopped); server.Close() })
	p.Redis, p.EmptyRedis = "redis://localhost:"+server.Port(), true
	return nil
}

// inUse says of a port that is taken what to do about it.
func inUse(err error, part string, port int, flag, variable string) error {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("start the embedded %s: %w", part, err)
	}
	return fmt.Errorf("port %d for %s is in use by another program: stop that program, or give %s another port (0 for any free one), or, if it is a %s, use it with %s",
		port, part, flag, part, variable)
}

func (p *Parts) makeTopics(ctx context.Context, topics map[string]template.Topic) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(p.Kafka, ",")...))
	if err != nil {
		return fmt.Errorf("connect to Kafka at %s: %w", p.Kafka, err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	brokers, err := admin.ListBrokers(ctx)
	if err != nil {
		return fmt.Errorf("connect to Kafka at %s: %w", p.Kafka, err)
	}
	for name, topic := range topics {
		retention := fmt.Sprint(time.Duration(topic.Retention).Milliseconds())
		copies := min(topic.Replication, len(brokers))
		_, err := admin.CreateTopic(ctx, int32(topic.Partitions), int16(copies), map[string]*string{"retention.ms": &retention}, name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %s: %w", name, err)
		}
	}
	return nil
}

func (p *Parts) makeSchema(ctx context.Context) error {
	db, err := shared.OpenSQL(p.SQL)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return schema.Migrate(ctx, db, p.SQL)
}
