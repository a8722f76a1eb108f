package main

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"time"

	"somssi/local/runner"
)

// program is a program that answers requests on $PORT.
type program struct {
	binary  string
	env     []string
	request func(ctx context.Context, address string) (*http.Request, error)
}

// start starts the program and sends it its request until an answer is 2xx,
// every 200 µs. took is from the start to that answer.
func (g program) start(ctx context.Context) (p process, address string, took time.Duration, err error) {
	ports, err := runner.FreePorts(2)
	if err != nil {
		return p, "", 0, err
	}
	command := exec.CommandContext(ctx, g.binary) // its output goes to /dev/null
	name := filepath.Base(g.binary)
	command.Env = append([]string{fmt.Sprintf("PORT=%d", ports[0]), fmt.Sprintf("METRICS_PORT=%d", ports[1]), "K_SERVICE=" + name}, g.env...)
	address = fmt.Sprintf("http://127.0.0.1:%d/", ports[0])
	client := http.Transport{DisableKeepAlives: true}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	began := time.Now()
	if p, err = launch(command); err != nil {
		return p, "", 0, err
	}
	for {
		request, err := g.request(ctx, address)
		if err != nil {
			p.end()
			return p, "", 0, err
		}
		response, err := client.RoundTrip(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode < 300 {
				return p, address, time.Since(began), nil
			}
		}
		if ctx.Err() != nil {
			p.end()
			return p, "", 0, fmt.Errorf("%s does not answer 2xx within 10 s", name)
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// bare builds the program that functions are measured against, as functions are built.
func (b *bench) bare(ctx context.Context) (string, error) {
	binary := filepath.Join(b.temp, "bare")
	command := exec.CommandContext(ctx, "go", "build", "-ldflags=-w", "-o", binary, "./local/bench/bare")
	command.Dir = b.root
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the bare program: %w\n%s", err, out)
	}
	return binary, nil
}
