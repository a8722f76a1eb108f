package parts

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"somssi/shared/connect"
)

// What names a real part to the tests.
const (
	TestKafka = "TEST_KAFKA_BROKERS"
	TestRedis = "TEST_REDIS_URL"
	TestSQL   = "TEST_DATABASE_URL"
)

// StartForTests starts the real parts for many tests at a time, whose data nobody
// needs after, with neither topics nor a schema. One that the environment names to
// the tests is used as it is. One that cannot be started is said, and its address
// is empty.
func StartForTests(ctx context.Context, o Options) (*Parts, error) {
	o.Real, o.test = true, true
	p := &Parts{Kafka: os.Getenv(TestKafka), Redis: os.Getenv(TestRedis), SQL: os.Getenv(TestSQL), running: map[string]*running{}}
	if err := p.startReal(ctx, o); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// startReal starts the real parts side by side, and stops them so: by then
// nobody uses them.
func (p *Parts) startReal(ctx context.Context, o Options) error {
	dir := mkdir(filepath.Join(o.Dir, "real")) // which PostgreSQL's user can enter
	p.stop = append(p.stop, func() {
		var all sync.WaitGroup
		for _, part := range p.running {
			all.Go(part.stop)
		}
		all.Wait()
	})
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []struct {
		name    string
		address *string
		stop    syscall.Signal
		start   func(ctx context.Context, dir string, o Options) (address string, s *server, err error)
	}{
		{Kafka, &p.Kafka, syscall.SIGTERM, realKafka},
		{Redis, &p.Redis, syscall.SIGTERM, p.realRedis},
		{SQL, &p.SQL, syscall.SIGINT, realPostgres},
	} {
		if *part.address != "" {
			continue
		}
		own := o // parts start side by side
		start := func(ctx context.Context) (*running, error) {
			address, s, err := part.start(ctx, dir, own)
			if err != nil {
				return nil, err
			}
			*part.address, own.Ports = address, Ports{s.port, s.port, s.port} // it reads only its own
			return &running{process: s.process, kill: func() { s.stop(syscall.SIGKILL) }, stop: func() { s.stop(part.stop) }}, nil
		}
		group.Go(func() error {
			began := time.Now()
			one, err := start(ctx)
			switch {
			case err != nil && o.test && ctx.Err() == nil:
				o.Say("%s does not run: %v", part.name, err)
				return nil
			case err != nil:
				return err
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			one.again = start
			p.running[part.name] = one
			o.Say("%s is up at %s after %s", part.name, connect.Bare(*part.address), time.Since(began).Round(100*time.Millisecond))
			return nil
		})
	}
	return group.Wait()
}

// missing says of a program that is not there how to get it.
func missing(part, program, remedy string) error {
	return fmt.Errorf("%s needs %s, which is not installed: %s; go run ./local doctor says what else is missing", part, program, remedy)
}
