package runner

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startWithParent starts a process that ends when this one does, however it
// does, so that a harness that was killed leaves no functions behind. Linux
// binds that to the thread that started it, which is kept for the process.
func startWithParent(command *exec.Cmd) (wait func() error, err error) {
	started, ended := make(chan error), make(chan error, 1)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
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
