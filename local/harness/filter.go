package harness

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"somssi/local/source"
)

// Filter chooses deliveries; what is zero chooses all.
type Filter struct {
	After    int    // number
	Function string // the whole name, as all but Event
	Trigger  string
	Fate     string
	Event    string // how its id begins
	Topic    string
	Last     int // at most so many, the newest
}

// Fates are those that a delivery may have.
func Fates() []string {
	return []string{source.Done, source.DeadLetter, source.Lost, source.Filtered, source.Discarded}
}

// Query is the filter as parameters of the API.
func (f Filter) Query() string {
	q := url.Values{}
	for name, value := range map[string]string{"function": f.Function, "trigger": f.Trigger, "fate": f.Fate, "event": f.Event, "topic": f.Topic} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, value := range map[string]int{"after": f.After, "last": f.Last} {
		if value != 0 {
			q.Set(name, strconv.Itoa(value))
		}
	}
	return q.Encode()
}

func readFilter(q url.Values) (f Filter, err error) {
	for name, values := range q {
		value := values[len(values)-1]
		switch name {
		case "function":
			f.Function = value
		case "trigger":
			f.Trigger = value
		case "event":
			f.Event = value
		case "topic":
			f.Topic = value
		case "fate":
			f.Fate = strings.ReplaceAll(value, "-", " ")
			if f.Fate != "" && !slices.Contains(Fates(), f.Fate) {
				err = fmt.Errorf("fate %.40q: there are %s", value, strings.Join(Fates(), ", "))
			}
		case "after", "last":
			n, wrong := strconv.Atoi(value)
			if wrong != nil || n < 0 {
				return f, fmt.Errorf("%s=%.40q is no number from 0 on", name, value)
			}
			if name == "after" {
				f.After = n
			} else {
				f.Last = n
			}
		default:
			return f, fmt.Errorf("no parameter %.40q: there are after, event, fate, function, last, topic and trigger", name)
		}
	}
	return f, err
}

func (f Filter) match(d *Delivery) bool {
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	return d.Number > f.After && is(f.Function, d.Function) && is(f.Trigger, d.Trigger) && is(f.Fate, d.Fate) &&
		is(f.Topic, d.Topic) && strings.HasPrefix(d.Event, f.Event)
}
