package chaos

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/parts"
	"somssi/local/runner"
	"somssi/local/template"
	"somssi/shared/connect"
)

const topic = "new_talent_events"

// stage is what episodes play on, one after the other.
type stage struct {
	o        Options
	template *template.Template
	parts    *parts.Parts
	links    links
	board    net.Listener
	house    *house

	// Past the proxies:
	db    *sql.DB
	redis *redis.Client
	past  []kgo.Opt // of a client of Kafka
	kafka *kgo.Client
	admin *kadm.Client

	redisAt string // host:port of the Redis in service, past its proxy

	kafkaBusy, redisBusy, crashing sync.Mutex // by one fault at a time

	played int
	calm   map[string]footprint // of the functions, before the first fault
	stop   []func()
}

// setUp puts everything up: the parts, their proxies, and the house built in a copy.
func setUp(ctx context.Context, o Options) (_ *stage, err error) {
	t, err := template.Load(filepath.Join(o.Root, "template.yaml"), "local")
	if err != nil {
		return nil, err
	}
	s := &stage{o: o, template: t, links: links{}}
	defer func() {
		if err != nil {
			s.tearDown()
		}
	}()
	for _, variable := range []string{"KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL", "OIDC_ISSUER"} {
		if os.Getenv(variable) != "" {
			return nil, fmt.Errorf("%s is set: a campaign makes its parts fail, and takes none but its own; unset it", variable)
		}
	}
	free, err := runner.FreePorts(9)
	if err != nil {
		return nil, err
	}
	before := map[string]int{toKafka: free[0], toRedis: free[1], toSQL: free[2], toFunctions: free[3]}
	if s.board, err = switchboard(); err != nil {
		return nil, err
	}
	s.stop = append(s.stop, func() { _ = s.board.Close() }, s.links.close)
	s.redisAt = fmt.Sprintf("127.0.0.1:%d", free[5])
	behind := map[string]string{toKafka: fmt.Sprintf("127.0.0.1:%d", free[4]), toRedis: s.redisAt, toFunctions: s.board.Addr().String()}
	if o.Real {
		behind[toSQL] = fmt.Sprintf("127.0.0.1:%d", free[6])
	}
	for name, upstream := range behind {
		if err := s.links.add(name, before[name], upstream); err != nil {
			return nil, err
		}
	}
	s.parts, err = parts.Start(ctx, parts.Options{
		Dir: filepath.Join(o.State, "parts"), Ports: parts.Ports{Kafka: free[4], Redis: free[5], SQL: free[6]}, Advertised: free[0],
		Topics: t.Topics, Real: o.Real, Jars: filepath.Join(o.Root, ".somssi"), Say: o.Say,
	})
	if err != nil {
		return nil, err
	}
	s.stop = append(s.stop, s.parts.Stop)
	if err := s.connect(behind); err != nil {
		return nil, err
	}
	s.house = &house{
		copy: filepath.Join(o.State, "copy"), state: filepath.Join(o.State, "house"), port: free[7], say: o.Say,
		env: []string{
			fmt.Sprintf("KAFKA_BROKERS=localhost:%d", before[toKafka]), fmt.Sprintf("REDIS_URL=redis://localhost:%d", before[toRedis]),
			"DATABASE_URL=" + s.sqlThrough(before[toSQL]), fmt.Sprintf("CHAOS_FUNCTIONS=127.0.0.1:%d", before[toFunctions]),
		},
	}
	if err := s.house.build(ctx, o); err != nil {
		return nil, err
	}
	s.stop = append(s.stop, s.house.end)
	return s, s.house.start(ctx)
}

// connect opens what is asked past the proxies.
func (s *stage) connect(behind map[string]string) (err error) {
	if s.db, err = connect.SQL(s.parts.SQL); err != nil {
		return err
	}
	s.stop = append(s.stop, func() { _ = s.db.Close() })
	s.redis = redis.NewClient(&redis.Options{Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.redisAt)
	}})
	s.stop = append(s.stop, func() { _ = s.redis.Close() })
	s.past = []kgo.Opt{kgo.SeedBrokers(behind[toKafka]), kgo.Dialer(func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, behind[toKafka]) // it advertises its proxy
	})}
	s.kafka, err = kgo.NewClient(s.past...)
	if err != nil {
		return err
	}
	s.stop = append(s.stop, s.kafka.Close)
	s.admin = kadm.NewClient(s.kafka)
	return nil
}

// sqlThrough is DATABASE_URL by the proxy; SQLite, a file, has none.
func (s *stage) sqlThrough(port int) string {
	if !s.o.Real {
		return s.parts.SQL
	}
	u, _ := url.Parse(s.parts.SQL) // made by us
	u.Host = fmt.Sprintf("localhost:%d", port)
	return u.String()
}

func (s *stage) tearDown() {
	for i := len(s.stop) - 1; i >= 0; i-- {
		s.stop[i]()
	}
}

// rebuild makes the views again that a Redis lost, as an operator does.
func (s *stage) rebuild(ctx context.Context) error {
	out, err := s.house.command(ctx, "rebuild").CombinedOutput()
	if err != nil {
		return fmt.Errorf("rebuild: %w\n%s", err, out)
	}
	return nil
}

// kill kills a function that runs; the runner starts it again.
func (s *stage) kill(name string) error {
	pid, err := s.house.pid(name)
	if err != nil || pid == 0 {
		return err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// groups are the consumer groups of the template.
func (s *stage) groups() (all []string) {
	for _, name := range s.template.Names() {
		for _, trigger := range s.template.Functions[name].Triggers {
			if trigger.Kafka != nil {
				all = append(all, trigger.Kafka.Group)
			}
		}
	}
	return all
}
