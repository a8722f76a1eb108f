package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// LogLine is what a function logged of an event that it did not take: an answer
// tells the sender little, the log the cause.
type LogLine struct {
	At     time.Time `json:"at"`
	Status int       `json:"status"`
	Error  string    `json:"error"`
}

const (
	logTail  = 4 << 20 // bytes of a log that are looked at, from its end
	logLines = 5       // lines that are told, the newest
)

// logged is what a function logged of an event's failures since then.
func (h *Harness) logged(function, event string, since time.Time) []LogLine {
	text, err := tail(filepath.Join(h.logs, function+".log"), logTail)
	if err != nil {
		return nil // a log is for people: why is not the less true without
	}
	var found []LogLine
	for line := range bytes.Lines(text) {
		if !bytes.Contains(line, []byte(event)) {
			continue
		}
		var one struct {
			Time   time.Time `json:"@timestamp"`
			Event  string    `json:"event.id"`
			Status int       `json:"http.response.status_code"`
			Error  string    `json:"error.message"`
		}
		// Whole milliseconds are logged.
		if json.Unmarshal(line, &one) == nil && one.Event == event && one.Error != "" && !one.Time.Before(since.Truncate(time.Millisecond)) {
			found = append(found, LogLine{one.Time, one.Status, one.Error})
		}
	}
	return slices.Clip(found[max(0, len(found)-logLines):])
}

// tail is the last bytes of a file.
func tail(name string, most int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, min(most, info.Size()))
	n, err := file.ReadAt(text, info.Size()-int64(len(text)))
	if errors.Is(err, io.EOF) { // it was cut meanwhile
		err = nil
	}
	return text[:n], err
}
