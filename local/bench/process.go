package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a child of the bench.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
}

// launch starts a child. Linux binds its end to that of the thread which
// started it, so that is kept until then.
func launch(command *exec.Cmd) (process, error) {
	command.SysProcAttr = endWithParent()
	p, started := process{command, make(chan struct{})}, make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // how it ended is asked of its state
			close(p.ended)
		}
	}()
	return p, <-started
}

// role starts this program again, as a part of a measurement, and waits for the
// line that it says when it is ready.
func role(ctx context.Context, name string, args ...string) (p process, said string, err error) {
	self, err := os.Executable()
	if err != nil {
		return p, "", err
	}
	command := exec.CommandContext(ctx, self, append([]string{"-role", name}, args...)...)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return p, "", err
	}
	if p, err = launch(command); err != nil {
		return p, "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.end()
		return p, "", fmt.Errorf("%s ended before it was ready: %s", name, command.ProcessState)
	}
	return p, strings.TrimSpace(line), nil
}

// end asks the process to end, and after 10 s makes it.
func (p process) end() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	kill := time.AfterFunc(10*time.Second, func() { _ = p.command.Process.Kill() })
	defer kill.Stop()
	<-p.ended
}

// cpu is the processor time that the process used in its life, once it has ended.
func (p process) cpu() time.Duration {
	return p.command.ProcessState.UserTime() + p.command.ProcessState.SystemTime()
}
