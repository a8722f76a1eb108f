package template

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as the template writes it: 500ms, 30s, 1h30m, 7d or PT0.5S.
type Duration time.Duration

const day = 24 * time.Hour

// durationPattern is also what the schema asks for; the parts without a T are the Go form.
const durationPattern = `^(([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+(\.[0-9]+)?s)?([0-9]+ms)?|P([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]+)?S)?)?)$`

var durationForm = regexp.MustCompile(durationPattern)

// parseDuration reads either form of a duration.
func parseDuration(s string) (Duration, error) {
	if !durationForm.MatchString(s) || !strings.ContainsAny(s, "0123456789") {
		return 0, errors.New("is no duration")
	}
	// The ISO form differs from the other in its letters only.
	s = strings.ToLower(strings.NewReplacer("P", "", "T", "").Replace(s))
	var d time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n > int(math.MaxInt64/day)-1 {
			return 0, errors.New("is too long")
		}
		d, s = time.Duration(n)*day, rest
	}
	if s == "" {
		return Duration(d), nil
	}
	rest, err := time.ParseDuration(s)
	if err != nil || rest > math.MaxInt64-d {
		return 0, errors.New("is too long")
	}
	return Duration(d + rest), nil
}

// String writes the duration as the template does, in whole days where it is that.
func (d Duration) String() string {
	t := time.Duration(d)
	if t >= day && t%day == 0 {
		return fmt.Sprintf("%dd", t/day)
	}
	if t < time.Second && t%time.Millisecond == 0 {
		return fmt.Sprintf("%dms", t/time.Millisecond)
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the duration as String does, for commands that print JSON.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
