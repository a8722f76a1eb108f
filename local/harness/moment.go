package harness

import (
	"fmt"
	"strconv"
	"time"

	"somssi/local/source"
)

// which reads the words of a request.
func (q ReplayRequest) which(now time.Time) (which source.Range, err error) {
	which = source.Range{Topic: q.Topic, Partition: -1, Event: q.Event}
	if q.Partition != nil {
		which.Partition = *q.Partition
	}
	if which.From, which.Since, err = moment(q.From, "beginning", now); err != nil {
		return which, fmt.Errorf("from: %w", err)
	}
	if q.Until != "" {
		if which.Until, which.Before, err = moment(q.Until, "end", now); err != nil {
			return which, fmt.Errorf("until: %w", err)
		}
		if which.Until == 0 && which.Before.IsZero() && q.Until != "end" {
			return which, fmt.Errorf("until: there is nothing before offset 0")
		}
	}
	return which, nil
}

// moment is a place in a log: an offset, or a time; both zero for word.
func moment(text, word string, now time.Time) (offset int64, at time.Time, err error) {
	if text == word {
		return 0, at, nil
	}
	if offset, err = strconv.ParseInt(text, 10, 64); err == nil && offset >= 0 {
		return offset, at, nil
	}
	if at, err = time.Parse(time.RFC3339, text); err == nil {
		return 0, at, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago > 0 {
		return 0, now.Add(-ago), nil
	}
	return 0, at, fmt.Errorf("%.60q is no offset (17), no time (2026-11-25T09:00:00Z), no duration ago (10m) and not %q", text, word)
}
