package parts

import (
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"
)

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
