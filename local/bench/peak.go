package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// peak is the most memory that a process has had, in MiB.
func peak(pid int) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(text) {
		if name, value, _ := strings.Cut(string(line), ":"); name == "VmHWM" {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			return float64(kib) / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmHWM", pid)
}
