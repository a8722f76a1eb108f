package runner

import (
	"cmp"
	"os/exec"
	"runtime"
	"syscall"
)

// StartWithParent starts a process that gets signal when this one ends, however it
// does, so that a harness that was killed leaves nothing behind. Linux binds that
// to the thread that started it, which is kept for the process.
func StartWithParent(command *exec.Cmd, signal syscall.Signal) (wait func() error, err error) {
	started, ended := make(chan error), make(chan error, 1)
	command.SysProcAttr = cmp.Or(command.SysProcAttr, &syscall.SysProcAttr{})
	command.SysProcAttr.Setpgid, command.SysProcAttr.Pdeathsig = true, signal
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			ended <- command.Wait()
		}
	}()
	return func() error { return <-ended }, <-started
}
