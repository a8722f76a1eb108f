package harness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
)

// load fills the memory from the newest files, and goes on with the last one.
func (h *History) load() error {
	d := h.disk
	files, err := d.files()
	if err != nil || len(files) == 0 {
		return err
	}
	var rows []Delivery
	for i := len(files) - 1; i >= 0 && len(rows) < remembered; i-- {
		older, err := read(files[i], func([]byte) bool { return true }, func(*Delivery) bool { return true })
		if err != nil {
			return err
		}
		rows = append(older, rows...)
	}
	for _, row := range rows[max(0, len(rows)-remembered):] {
		h.keep(row)
		h.last = max(h.last, row.Number)
	}
	d.written = h.last
	return d.reopen(files[len(files)-1])
}

// reopen goes on with a file, behind its last whole line.
func (d *disk) reopen(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if d.file, err = os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	d.size = int64(bytes.LastIndexByte(text, '\n') + 1)
	return d.file.Truncate(d.size)
}

// find is the deliveries before a number that have word in their JSON and match.
func (d *disk) find(word string, before int, match func(*Delivery) bool) (found []Delivery, err error) {
	quoted, _ := json.Marshal(word) // as it stands in the files; the quotes go, for word may be a part
	quoted = quoted[1 : len(quoted)-1]
	files, err := d.files()
	for _, name := range files {
		if err != nil || first(name) >= before {
			break
		}
		var some []Delivery
		some, err = read(name, func(line []byte) bool { return bytes.Contains(line, quoted) }, func(one *Delivery) bool { return one.Number < before && match(one) })
		if errors.Is(err, os.ErrNotExist) {
			err = nil // deleted meanwhile, as the oldest
		}
		found = append(found, some...)
	}
	return found, err
}

// read is the deliveries of a file whose line is likely and which match. A line
// that is none is skipped.
func read(name string, likely func([]byte) bool, match func(*Delivery) bool) (rows []Delivery, err error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewReaderSize(file, 64<<10); ; {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return rows, nil // what is left has no end: torn
		}
		if err != nil {
			return rows, err
		}
		var one Delivery
		if likely(line) && json.Unmarshal(line, &one) == nil && one.Number > 0 && match(&one) {
			rows = append(rows, one)
		}
	}
}
