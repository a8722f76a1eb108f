package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"somssi/local/parts"
	"somssi/local/runner"
)

func (c *cli) parts() *cobra.Command {
	var host string
	cmd := &cobra.Command{
		Use:   "parts -- <command>...",
		Short: "Run a command beside Apache Kafka, redis-server and PostgreSQL",
		Long: `Run a command beside Apache Kafka, redis-server and PostgreSQL, which are started on
free ports, with their data in a temporary folder, and stopped when it has ended.
It finds them in TEST_KAFKA_BROKERS, TEST_REDIS_URL and TEST_DATABASE_URL, and gets
no input. A server that one of these names already is used as it is.

With --host they are for a cluster beside, at that address of this machine and on
their usual ports, without passwords: where nobody else can reach it.

A part that cannot be started is said, and the command runs without it; where CI is
set, it does not run. Ctrl-C interrupts it. The exit code is that of the command.`,
		Example: `  go run ./local parts -- go test ./...
  go run ./local parts -- go test -run Real ./local/conformance
  go run ./local parts --host 10.0.0.1 -- sleep infinity`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.beside(cmd.Context(), host, args) },
	}
	cmd.Flags().StringVar(&host, "host", "", "the address of this machine at which a cluster reaches them; without it only this machine does")
	cmd.Flags().SetInterspersed(false) // what follows the command is its own
	return cmd
}

// beside runs a command beside real parts.
func (c *cli) beside(ctx context.Context, host string, args []string) error {
	o := parts.Options{Host: host, Say: c.say}
	if host != "" {
		o.Ports = parts.Ports{Kafka: 9092, Redis: 6379, SQL: 5432}
	}
	root, err := c.root()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "somssi-parts-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's own user has to enter
		return err
	}
	o.Dir, o.Jars = dir, filepath.Join(root, ".somssi")
	p, err := parts.StartForTests(ctx, o)
	if err != nil {
		return err
	}
	defer p.Stop()
	command := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // it is interrupted, with its children
	command.Stdout, command.Stderr, command.WaitDelay = c.out, c.problems, 5*time.Second
	command.Env = os.Environ()
	for _, part := range []struct{ variable, address string }{
		{parts.TestKafka, p.Kafka}, {parts.TestRedis, p.Redis}, {parts.TestSQL, p.SQL},
	} {
		switch {
		case part.address != "":
			command.Env = append(command.Env, part.variable+"="+part.address)
		case os.Getenv("CI") != "":
			return fmt.Errorf("%s has nothing to name, and CI is set, where no test may be skipped", part.variable)
		default:
			c.say("%s is not set: tests on it are SKIPPED", part.variable)
		}
	}
	return interruptible(ctx, command)
}

// exited is the exit code of a command that was run for the caller, and that has
// said itself what went wrong.
type exited int

func (e exited) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// interruptible runs a command in a process group of its own, and interrupts all of
// that when ctx ends. Nothing of it runs on afterwards.
func interruptible(ctx context.Context, command *exec.Cmd) error {
	wait, err := runner.StartWithParent(command, syscall.SIGTERM)
	if err != nil {
		return err
	}
	group := -command.Process.Pid
	ended := make(chan struct{})
	defer context.AfterFunc(ctx, func() {
		_ = syscall.Kill(group, syscall.SIGINT)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = syscall.Kill(group, syscall.SIGKILL)
		}
	})()
	err = wait()
	close(ended)
	_ = syscall.Kill(group, syscall.SIGKILL) // what it left behind
	if failure := new(exec.ExitError); errors.As(err, &failure) {
		if code := failure.ExitCode(); code > 0 {
			return exited(code)
		}
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil
	}
	return err
}
