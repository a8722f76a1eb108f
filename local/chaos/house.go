package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"somssi/local/chaos/crash"
	"somssi/local/harness"
	"somssi/local/runner"
)

// house is the house under test, in a process of its own: `local up`.
type house struct {
	copy, state string
	port        int
	env         []string
	say         func(string, ...any)

	mu    sync.Mutex
	os    *os.Process   // nil while there is none
	ended chan struct{} // closed when it has
	Run   harness.Run
	kills int

	points []crash.Point
}

// build copies the repository, changes it, and builds it there.
func (h *house) build(ctx context.Context, o Options) error {
	began := time.Now()
	if err := copyTree(o.Root, h.copy); err != nil {
		return fmt.Errorf("copy the repository: %w", err)
	}
	overlayFile, points, err := instrument(h.copy, h.crashAt(), o.Plant)
	if err != nil {
		return err
	}
	h.points, h.env = points, append(h.env, "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlayFile)
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-ldflags=-w", "-o", h.binary(), "./local")
	build.Dir, build.Env = h.copy, append(os.Environ(), h.env...)
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the house: %w\n%s", err, text)
	}
	h.say("built the house in a copy, with %d crash points, in %s", len(points), time.Since(began).Round(time.Second))
	return nil
}

// crashAt is the file that arms a crash point.
func (h *house) crashAt() string { return filepath.Join(filepath.Dir(h.state), "crash-at") }

func (h *house) binary() string { return filepath.Join(h.copy, ".somssi", "local") }

// command is a command of the house's own harness.
func (h *house) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, h.binary(), append(args, "--state", h.state)...)
	c.Dir, c.Env = h.copy, append(os.Environ(), h.env...)
	return c
}

// start starts the house and returns when it is up.
func (h *house) start(ctx context.Context, flags ...string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	command := h.command(context.WithoutCancel(ctx), append([]string{"up", "-o", "json", "--port", strconv.Itoa(h.port)}, flags...)...)
	log, err := os.OpenFile(filepath.Join(filepath.Dir(h.state), "house.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	command.Stderr = log
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	wait, err := runner.StartWithParent(command, syscall.SIGKILL)
	if err != nil {
		return err
	}
	h.os, h.ended = command.Process, make(chan struct{})
	up := make(chan error, 1)
	go func() { up <- json.NewDecoder(out).Decode(&h.Run) }() // written when all is up
	select {
	case err = <-up:
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(5 * time.Minute):
		err = errors.New("not up after 5 minutes")
	}
	go func(ended chan struct{}) { _ = wait(); close(ended) }(h.ended)
	if err != nil {
		_ = h.os.Kill()
		return fmt.Errorf("start the house: %w; what it said is in %s", err, log.Name())
	}
	return nil
}

// kill ends the house as kill -9 does, with its sources, its gateway and its functions.
func (h *house) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kills++
	_ = h.os.Kill()
	<-h.ended
}

// end ends the house as Ctrl-C does.
func (h *house) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.os == nil {
		return
	}
	_ = h.os.Signal(syscall.SIGTERM)
	select {
	case <-h.ended:
	case <-time.After(time.Minute):
		_ = h.os.Kill()
		<-h.ended
	}
}

// again ends the house and starts it with other flags.
func (h *house) again(ctx context.Context, flags ...string) error {
	h.end()
	h.mu.Lock()
	h.kills++ // what it had in flight is delivered again
	h.mu.Unlock()
	return h.start(ctx, flags...)
}

// functions are how the functions are reached now.
func (h *house) functions() (map[string]runner.Function, error) {
	var run harness.Run
	err := harness.Get(h.Run, "/dev/env", &run)
	return run.Functions, err
}

func (h *house) pid(name string) (int, error) {
	all, err := h.functions()
	return all[name].PID, err
}

func (h *house) url() string { return fmt.Sprintf("http://localhost:%d", h.port) }
