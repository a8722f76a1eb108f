//go:build !linux

package runner

import (
	"cmp"
	"os/exec"
	"syscall"
)

// StartWithParent starts a process. This system has no way to end it with a
// harness that was killed: it then waits, idle, on a port of its own.
func StartWithParent(command *exec.Cmd, _ syscall.Signal) (wait func() error, err error) {
	command.SysProcAttr = cmp.Or(command.SysProcAttr, &syscall.SysProcAttr{})
	command.SysProcAttr.Setpgid = true
	return command.Wait, command.Start()
}
