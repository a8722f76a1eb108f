package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
)

// waiting is what send waits for.
type waiting struct {
	triggers []triggerName
	expected map[triggerName][]string // fates that are right
	after    int                      // the last delivery before
	timeout  time.Duration
}

type triggerName struct{ function, name string }

func (t triggerName) String() string { return t.function + "/" + t.name }

// prepare finds the triggers that read the topic, what is expected of each, and
// from where on to look.
func (c *cli) prepare(run harness.Run, topic string, o sendOptions) (*waiting, error) {
	triggers, err := c.triggersOf(topic)
	if err != nil {
		return nil, err
	}
	if len(triggers) == 0 {
		return nil, inputError{fmt.Errorf("no function has a trigger on %s: nothing to wait for", topic)}
	}
	w := &waiting{triggers: triggers, timeout: o.timeout}
	if w.expected, err = expectations(o.expect, triggers); err != nil {
		return nil, inputError{err}
	}
	var last []harness.Delivery
	if err := harness.Get(run, "/dev/events?last=1", &last); err != nil {
		return nil, err
	}
	if len(last) > 0 {
		w.after = last[len(last)-1].Number
	}
	return w, nil
}

// awaitFates waits until every trigger is through with every record.
func (c *cli) awaitFates(ctx context.Context, run harness.Run, w *waiting, records []*kgo.Record) error {
	open := map[place]map[triggerName]bool{}
	answer := outcome{Sent: []place{}, Deliveries: []harness.Delivery{}, Missing: []missing{}}
	for _, r := range records {
		answer.Sent = append(answer.Sent, placeOf(r))
		open[placeOf(r)] = map[triggerName]bool{}
		for _, t := range w.triggers {
			open[placeOf(r)][t] = true
		}
	}
	left := len(records) * len(w.triggers)
	late, tick := time.After(w.timeout), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for said, over := time.Now(), false; left > 0 && !over; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			over = true // after one more look
		case <-tick.C:
		}
		var more []harness.Delivery
		if err := harness.Get(run, fmt.Sprintf("/dev/events?after=%d", w.after), &more); err != nil {
			return err
		}
		for _, d := range more {
			w.after = d.Number
			at, by := place{d.Topic, d.Partition, d.Offset}, triggerName{d.Function, d.Trigger}
			if open[at][by] && !d.Replay {
				delete(open[at], by)
				answer.Deliveries = append(answer.Deliveries, d)
				left--
			}
		}
		if time.Since(said) > time.Second {
			said = time.Now()
			c.say("waiting for %d of %d deliveries", left, len(records)*len(w.triggers))
		}
	}
	for _, at := range answer.Sent {
		for _, t := range w.triggers {
			if open[at][t] {
				answer.Missing = append(answer.Missing, missing{t.function, t.name, at, c.stateOf(ctx, run, t, at, len(answer.Missing))})
			}
		}
	}
	return c.judge(w, answer)
}
