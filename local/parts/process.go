package parts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"somssi/local/runner"
)

// server is the process of a real part.
type server struct {
	name, log string
	port      int
	process   *os.Process
	ended     chan struct{} // closed when it has, with err
	err       error
}

// launch starts command, which writes to a log of its own in dir/logs. If this
// process is killed, the server gets the signal orphaned.
func launch(name, dir string, port int, command *exec.Cmd, orphaned syscall.Signal) (*server, error) {
	s := &server{name: name, port: port, log: logOf(dir, name), ended: make(chan struct{})}
	if err := os.MkdirAll(filepath.Dir(s.log), 0o755); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(s.log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	command.Stdout, command.Stderr = out, out
	wait, err := runner.StartWithParent(command, orphaned)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), out.Close())
	}
	s.process = command.Process
	go func() {
		defer close(s.ended)
		if s.err = wait(); s.err == nil {
			s.err = errors.New("exit status 0")
		}
		_ = out.Close()
	}()
	return s, nil
}

func logOf(dir, name string) string { return filepath.Join(dir, "logs", strings.ToLower(name)+".log") }

// ready waits until try, which talks to the server, works. It stops a server
// that does not get there within limit.
func (s *server) ready(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		attempt, done := context.WithTimeout(ctx, 5*time.Second)
		err := try(attempt)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("%s ended while it started (%w); the last of %s:\n%s", s.name, s.err, s.log, s.tail())
		case <-ctx.Done():
			s.stop(syscall.SIGKILL)
			return fmt.Errorf("%s does not answer (%w) after %s; its log is %s", s.name, err, limit, s.log)
		}
	}
}

// stop ends the server by the signal that it takes for that.
func (s *server) stop(signal syscall.Signal) {
	_ = s.process.Signal(signal)
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second): // what it acknowledged is on disk
		_ = s.process.Kill()
		<-s.ended
	}
}

func (s *server) tail() string {
	text, _ := os.ReadFile(s.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

// portFor is the port that was asked for, or a free one. One that a server of a
// killed harness is about to leave is waited for, where there was one.
func portFor(o Options, part string, port int, flag, variable string, again bool) (int, error) {
	if port == 0 {
		free, err := runner.FreePorts(1)
		if err != nil {
			return 0, err
		}
		return free[0], nil
	}
	limit := time.Now()
	if again {
		limit = limit.Add(5 * time.Second)
	}
	for {
		listener, err := net.Listen("tcp", fmt.Sprintf("%s:%d", o.bind(), port))
		if err == nil {
			return port, listener.Close()
		}
		if time.Now().After(limit) {
			return 0, inUse(err, part, port, flag, fmt.Sprintf(variable, port))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// exists tells whether there is a file or folder.
func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}
