package parts

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// realRedis starts redis-server, which keeps what it holds: appended to a file
// that is synced every second.
func (p *Parts) realRedis(ctx context.Context, dir string, o Options) (string, *server, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, missing("Redis", "redis-server", "apt-get install redis-server, or brew install redis")
	}
	data := filepath.Join(dir, "redis")
	port, err := portFor(o, Redis, o.Ports.Redis, "--redis-port", "REDIS_URL=redis://localhost:%d", exists(data))
	if err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", nil, err
	}
	arguments := []string{"--port", strconv.Itoa(port), "--bind", o.bind(), "--dir", data, "--save", "", "--maxmemory-policy", "noeviction"}
	if o.Host != "" {
		arguments = append(arguments, "--protected-mode", "no")
	}
	if o.test {
		arguments = append(arguments, "--appendonly", "no", "--databases", "4096") // one for each test
	} else {
		arguments = append(arguments, "--appendonly", "yes", "--appendfsync", "everysec")
	}
	command := exec.Command(program, arguments...) //nolint:noctx // it is told to stop
	s, err := launch(Redis, o.Dir, port, command, syscall.SIGKILL)
	if err != nil {
		return "", nil, err
	}
	address := fmt.Sprintf("redis://%s:%d", o.host(), port)
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("%s:%d", o.bind(), port), MaxRetries: -1})
	defer func() { _ = client.Close() }()
	err = s.ready(ctx, time.Minute, func(ctx context.Context) error {
		keys, err := client.DBSize(ctx).Result() // an error while it loads
		p.EmptyRedis = keys == 0
		return err
	})
	return address, s, err
}
