//go:build !linux

package runner

import (
	"os/exec"
	"syscall"
)

// startWithParent starts a process. This system has no way to end it with a
// harness that was killed: it then waits, idle, on a port of its own.
func startWithParent(command *exec.Cmd) (wait func() error, err error) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command.Wait, command.Start()
}
