package parts

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// startReal starts the real parts side by side. Each is stopped by itself, too:
// by then nobody uses them.
func (p *Parts) startReal(ctx context.Context, o Options) error {
	dir := mkdir(filepath.Join(o.Dir, "real")) // which PostgreSQL's user can enter
	var mu sync.Mutex
	var stops []func()
	p.stop = append(p.stop, func() {
		var all sync.WaitGroup
		for _, stop := range stops {
			all.Go(stop)
		}
		all.Wait()
	})
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range []struct {
		name    string
		address *string
		start   func(ctx context.Context, dir string, o Options) (address string, stop func(), err error)
	}{
		{"Kafka", &p.Kafka, realKafka}, {"Redis", &p.Redis, p.realRedis}, {"PostgreSQL", &p.SQL, realPostgres},
	} {
		if *part.address != "" {
			continue
		}
		group.Go(func() error {
			began := time.Now()
			address, stop, err := part.start(ctx, dir, o)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			*part.address, stops = address, append(stops, stop)
			o.Say("%s is up at %s after %s", part.name, bare(address), time.Since(began).Round(100*time.Millisecond))
			return nil
		})
	}
	return group.Wait()
}

// missing says of a program that is not there how to get it.
func missing(part, program, remedy string) error {
	return fmt.Errorf("%s needs %s, which is not installed: %s; go run ./local doctor says what else is missing", part, program, remedy)
}
