package template

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	// The list of time zones, so that the same schedule is right on every machine.
	_ "time/tzdata"
)

// delivery checks the policy of one kafka or broker trigger, and completes it. What counts is what the
// trigger and globals say together.
func (c checker) delivery(function string, trigger *node, d *Delivery) {
	own, globals := trigger.get("delivery"), c.root.get("globals", "delivery")
	said := func(key string) *node { return cmp.Or(own.get(key), globals.get(key)) }
	c.deliveryValues(*d, said)
	if own == nil && globals == nil {
		if trigger.key == "kafka" {
			// A KafkaSource without any delivery has these; with any, they are gone.
			d.Retry, d.BackoffDelay = 10, Duration(300*time.Millisecond)
		}
		return
	}
	if n := said("deadLetter"); n != nil && said("retry") == nil {
		c.add(n.keyAt, ruleNoRetry, "deadLetter without retry: Knative would deliver once, then dead-letter",
			map[string]string{
				"kafka":  "add retry: 5, here or in globals.delivery; any delivery field removes KafkaSource's 10 retries",
				"broker": "add retry: 5, here or in globals.delivery; a Trigger has no retries of its own",
			}[trigger.key])
	}
	if n := said("retry"); d.Retry > 0 && said("backoffDelay") == nil {
		c.add(n.keyAt, ruleNoRetry, "retry without backoffDelay: Knative would wait 200ms only",
			"add backoffDelay: 500ms, here or in globals.delivery")
	}
	if d.DeadLetter.Function == function {
		at := cmp.Or(own.get("deadLetter", "function"), trigger)
		c.add(cmp.Or(at.at, at.keyAt), ruleDeadCircle, fmt.Sprintf("%s is its own dead letter function, and has just failed to take the event", function),
			"name another function in delivery.deadLetter of this trigger")
	}
}

// deliveryValues checks what is wrong with a policy wherever it is written.
func (c checker) deliveryValues(d Delivery, said func(string) *node) {
	if n := said("backoffDelay"); n != nil {
		c.cut(n, d.BackoffDelay, time.Second/10, "tenths of a second")
	}
	if n := said("timeout"); n != nil {
		c.cut(n, d.Timeout, time.Second/10, "tenths of a second")
	}
	name := d.DeadLetter.Function
	f, ok := c.t.Functions[name]
	if f.Stream {
		n := said("deadLetter")
		c.add(cmp.Or(n.get("function"), n).at, ruleStream, fmt.Sprintf("deadLetter names function %q, which answers with streams", clip(name)), "name one that takes events")
	}
	if name != "" && !ok {
		n := said("deadLetter")
		c.add(cmp.Or(n.get("function"), n).at, ruleDeadLetter, fmt.Sprintf("deadLetter names function %q, which is not declared", clip(name)),
			didYouMean(name, slices.Sorted(maps.Keys(c.t.Functions)), "add it under functions; there are "))
	}
}

// cut reports a duration of which Knative would keep a part only.
func (c checker) cut(n *node, d Duration, unit time.Duration, units string) {
	whole := Duration(time.Duration(d).Truncate(unit))
	if whole == d {
		return
	}
	up := whole + Duration(unit)
	c.add(n.at, ruleTenths, fmt.Sprintf("%s %s would be cut to %s: Knative keeps whole %s", n.path(), d, whole, units),
		fmt.Sprintf("write %s", up))
}

// cron reports a schedule or timezone that a PingSource would refuse, or that never fires.
func (c checker) cron(n *node) {
	if zone := n.get("timezone"); zone != nil && zone.kind == text {
		name := zone.value.(string)
		if _, err := time.LoadLocation(name); err != nil || name == "Local" || name == "" {
			c.add(zone.at, ruleTimezone, fmt.Sprintf("there is no timezone %q", clip(name)), "use a name of the IANA list, such as Asia/Seoul")
		}
	}
	schedule := n.get("schedule")
	if schedule == nil || schedule.kind != text {
		return
	}
	if strings.HasPrefix(schedule.value.(string), "@every") {
		c.add(schedule.at, rulePing, fmt.Sprintf("schedule %q is not for a PingSource, which refuses @every", clip(schedule.value.(string))),
			`write when, not how often, with seconds first if need be, such as "*/5 * * * * *"`)
		return
	}
	if why := badSchedule(schedule.value.(string)); why != "" {
		c.add(schedule.at, ruleSchedule, fmt.Sprintf("schedule %q %s", clip(schedule.value.(string)), why),
			`write five fields, or six with seconds first, such as "*/5 * * * * *"`)
	}
}

// badSchedule says what is wrong with a schedule, or nothing.
func badSchedule(s string) string {
	switch {
	case strings.HasPrefix(s, "TZ="), strings.HasPrefix(s, "CRON_TZ="):
		return "names a timezone, which is a key of its own"
	}
	// The same fields as in Knative's PingSource.
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(s)
	if err != nil {
		return "can not be read: " + err.Error()
	}
	// The search gives up after five years, enough for a 29th of February. The day is fixed, so that a
	// template does not turn bad by itself.
	if parsed.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "never fires"
	}
	return ""
}
