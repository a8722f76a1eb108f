package main

import "syscall"

// endWithParent ends a child with this process, however this one ends.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
