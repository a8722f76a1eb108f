package knative

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rickb777/date/period"
)

// longestDays keeps durations far within what a time.Duration holds.
const longestDays = 36_525

// parseDuration reads an ISO 8601 duration as Knative does, down to its limits:
// one decimal of each part is kept and the rest cut off, a negative duration
// counts as positive, months and years have their average length. The parts
// are read as they stand, so that 3277 seconds are too many while 55 minutes
// are not: admission takes them, and then the source is never ready.
func parseDuration(text string) (time.Duration, error) {
	p, err := period.Parse(text, false)
	if err != nil {
		if _, admitted := period.Parse(text); admitted == nil {
			return 0, fmt.Errorf("%q has a part above 3276, which admission takes but the controller then refuses", text)
		}
		return 0, fmt.Errorf("%q is no ISO 8601 duration", text)
	}
	if p = p.Abs(); p.TotalDaysApprox() > longestDays {
		return 0, errors.New("is longer than 100 years")
	}
	d, _ := p.Duration()
	return d.Truncate(time.Millisecond), nil
}

// ISO writes a duration as Knative reads it, such as PT0.5S or P1DT30M, cut to a
// tenth of a second as Knative would.
func ISO(d time.Duration) string {
	const day = 24 * time.Hour
	d = d.Truncate(time.Second / 10)
	var date, clock string
	if n := d / day; n > 0 {
		date = fmt.Sprintf("%dD", n)
	}
	if n := d % day / time.Hour; n > 0 {
		clock += fmt.Sprintf("%dH", n)
	}
	if n := d % time.Hour / time.Minute; n > 0 {
		clock += fmt.Sprintf("%dM", n)
	}
	if s := d % time.Minute; s > 0 || date+clock == "" {
		clock += strconv.FormatFloat(s.Seconds(), 'f', -1, 64) + "S"
	}
	if clock == "" {
		return "P" + date
	}
	return "P" + date + "T" + clock
}
