package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	segmentBytes = 4 << 20  // a file of the history is closed when it has so many
	historyBytes = 64 << 20 // the oldest files go when all have more
	flushEvery   = time.Second
)

// disk is a history's folder: files of one delivery a line, in JSON, each named
// for the number of its first.
type disk struct {
	dir string

	mu      sync.Mutex // of the rest, for the flushes of the loop and of the end
	file    *os.File
	size    int64
	written int // number of the last delivery in a file
	failing bool
	stop    chan struct{}
	stopped sync.WaitGroup
}

// OpenHistory opens the history in dir, with what it kept, and writes to it
// every second until Close. A line that a kill tore is dropped. say tells a
// person of a disk that takes no more.
func OpenHistory(dir string, say func(format string, args ...any)) (*History, error) {
	h := &History{disk: &disk{dir: dir, stop: make(chan struct{})}}
	if err := errors.Join(os.MkdirAll(dir, 0o755), h.load()); err != nil {
		return nil, fmt.Errorf("open the history: %w", err)
	}
	h.disk.stopped.Go(func() {
		tick := time.NewTicker(flushEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				h.flushOr(say)
			case <-h.disk.stop:
				return
			}
		}
	})
	return h, nil
}

// Close writes what is not yet on disk. What is added later stays in memory.
func (h *History) Close() error {
	if h.disk == nil {
		return nil
	}
	close(h.disk.stop)
	h.disk.stopped.Wait()
	err := h.flush()
	if h.disk.file != nil {
		err = errors.Join(err, h.disk.file.Close())
	}
	return err
}

// flushOr says once that a flush failed, until one succeeds again.
func (h *History) flushOr(say func(format string, args ...any)) {
	err := h.flush()
	h.disk.mu.Lock()
	isNew := err != nil && !h.disk.failing
	h.disk.failing = err != nil
	h.disk.mu.Unlock()
	if isNew {
		say("the history is kept in memory only: %v", err)
	}
}

// flush writes what was added since the last one. Of more than are in memory
// only those are written.
func (h *History) flush() error {
	d := h.disk
	d.mu.Lock()
	defer d.mu.Unlock()
	rows := h.After(d.written)
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	for i, row := range rows {
		if err := enc.Encode(row); err != nil {
			return err
		}
		if d.size+int64(text.Len()) < segmentBytes && i < len(rows)-1 {
			continue
		}
		if err := d.write(text.Bytes(), row.Number); err != nil {
			return err
		}
		text.Reset()
	}
	return nil
}

// write appends lines, of which the last has this number, to the newest file.
func (d *disk) write(text []byte, last int) error {
	if d.file == nil || d.size >= segmentBytes {
		name := filepath.Join(d.dir, fmt.Sprintf("%012d.jsonl", d.written+1))
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if d.file != nil {
			_ = d.file.Close() // each of its writes was answered
		}
		d.file, d.size = file, 0
		if err := d.trim(); err != nil {
			return err
		}
	}
	n, err := d.file.Write(text)
	d.size += int64(n)
	if err != nil {
		_ = d.file.Truncate(d.size - int64(n)) // or the next line would begin in this one's middle
		d.size -= int64(n)
		return err
	}
	d.written = last
	return nil
}

// files are those of the history, oldest first.
func (d *disk) files() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(d.dir, "*.jsonl"))
	slices.SortFunc(files, func(a, b string) int { return first(a) - first(b) })
	return files, err
}

func first(file string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(file), ".jsonl")) // another's file comes first, and goes first
	return n
}

// trim deletes the oldest files, so that with a full new one all stay below historyBytes.
func (d *disk) trim() error {
	files, err := d.files()
	if err != nil {
		return err
	}
	total := int64(segmentBytes)
	for i := len(files) - 1; i >= 0; i-- {
		info, err := os.Stat(files[i])
		if err != nil {
			return err
		}
		if total += info.Size(); total > historyBytes {
			if err := os.Remove(files[i]); err != nil {
				return err
			}
		}
	}
	return nil
}
