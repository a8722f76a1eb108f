package parts

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

// startEmbedded starts the parts in this process. SQLite is a file.
func (p *Parts) startEmbedded(ctx context.Context, o Options) error {
	if p.SQL == "" {
		p.SQL = "sqlite://" + filepath.Join(o.Dir, "somssi.db")
	}
	for _, part := range []struct {
		name    string
		address *string
		start   func(*Options) (address string, stop func(), err error)
	}{{Kafka, &p.Kafka, embeddedKafka}, {Redis, &p.Redis, p.embeddedRedis}} {
		if *part.address != "" {
			continue
		}
		start := func(context.Context) (*running, error) {
			address, stop, err := part.start(&o)
			if err != nil {
				return nil, err
			}
			*part.address = address
			return &running{kill: stop, stop: stop}, nil
		}
		one, err := start(ctx)
		if err != nil {
			return err
		}
		one.again = start
		p.running[part.name] = one
		p.stop = append(p.stop, func() { p.running[part.name].stop() })
	}
	return nil
}

func embeddedKafka(o *Options) (string, func(), error) {
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(o.Ports.Kafka), kfake.DataDir(filepath.Join(o.Dir, "kafka"))}
	options = append(options, kfake.ListenFn(func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		o.Ports.Kafka = l.Addr().(*net.TCPAddr).Port
		return advertised{l, cmp.Or(o.Advertised, o.Ports.Kafka)}, nil
	}))
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return "", nil, inUse(err, Kafka, o.Ports.Kafka, "--kafka-port", fmt.Sprintf("KAFKA_BROKERS=localhost:%d", o.Ports.Kafka))
	}
	return fmt.Sprintf("localhost:%d", o.Ports.Kafka), cluster.Close, nil
}

// advertised is a listener that is reached at another port of this machine.
type advertised struct {
	net.Listener
	port int
}

func (a advertised) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: a.port} }

func (p *Parts) embeddedRedis(o *Options) (string, func(), error) {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(fmt.Sprintf("127.0.0.1:%d", o.Ports.Redis)); err != nil {
		return "", nil, inUse(err, Redis, o.Ports.Redis, "--redis-port", fmt.Sprintf("REDIS_URL=redis://localhost:%d", o.Ports.Redis))
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
	p.EmptyRedis, o.Ports.Redis = true, server.Server().Addr().Port
	return fmt.Sprintf("redis://localhost:%d", o.Ports.Redis), func() { clock.Stop(); close(stopped); server.Close() }, nil
}
