//go:build !linux

package main

import "syscall"

// endWithParent has no way here to end a child with a bench that was killed.
func endWithParent() *syscall.SysProcAttr { return nil }
