package crash

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// Arm has the next process whose CRASH_AT is file, and which passes the point for
// the nth time from now, kill itself there. What was armed before is not any more.
func Arm(file, point string, n int) error {
	next := file + ".next"
	text := fmt.Sprintf("%s:%d %d", point, n, time.Now().UnixNano()) // the same again is counted anew
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(next, file)
}

// Disarm lets all live. It reports whether somebody died before that.
func Disarm(file string) (died bool, err error) {
	err = os.Remove(file)
	if died = errors.Is(err, os.ErrNotExist); died {
		err = nil
	}
	return died, err
}
