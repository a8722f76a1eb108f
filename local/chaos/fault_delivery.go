package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
	"somssi/shared"
)

// rebalance is F8. Members come and go every 0 to 500 ms, some without a word.
func rebalance(ctx context.Context, e *episode, by chance) error {
	e.excuse("I5", "deliveries of other members are in no history")
	e.excuse("I9", "a member may fetch the commit of the one before it")
	var here []members
	joins := 0
	for until := time.Now().Add(by.between(4*time.Second, 6*time.Second)); time.Now().Before(until); {
		if by.Float64() < 0.8 {
			if len(here) > 0 && by.IntN(2) == 0 {
				leaving, cancel := context.WithTimeout(ctx, time.Duration(by.IntN(2))*time.Second) // at once, or in order
				_ = here[0].leave(leaving)
				cancel()
				here = here[1:]
			} else if len(here) < 2 {
				one, err := e.joinAll(ctx)
				if err != nil {
					return err
				}
				here, joins = append(here, one), joins+1
			}
		}
		by.pause(ctx, 0, 5*ms100)
	}
	for _, one := range here {
		if err := one.leave(ctx); err != nil {
			return err
		}
	}
	e.note("%d times another member joined every group and left", joins)
	return nil
}

// hangUp is F18: clients that are gone when their request is read.
func hangUp(ctx context.Context, e *episode, by chance) error {
	all, err := e.house.functions()
	if err != nil {
		return err
	}
	for range 3 {
		name := one(by, e.template.Names()...)
		at := strings.TrimPrefix(all[name].URL, "http://")
		gone := 0
		for range 1500 {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", at)
			if err != nil {
				break
			}
			_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
			_ = c.(*net.TCPConn).SetLinger(0) // a reset
			if c.Close() == nil {
				gone++
			}
		}
		e.note("%d hung up on %s", gone, name)
		asking, cancel := context.WithTimeout(ctx, 10*time.Second)
		request, err := http.NewRequestWithContext(asking, http.MethodGet, all[name].URL+"/", http.NoBody)
		if err == nil {
			var response *http.Response
			if response, err = http.DefaultClient.Do(request); err == nil {
				_ = response.Body.Close()
			}
		}
		cancel()
		if err != nil && !strings.Contains(err.Error(), "refused") { // unless another fault killed it
			e.fail("I7", "%s does not answer after clients hung up: %v", name, err)
		}
	}
	return nil
}

// tunnel is F32: what is registered meanwhile a browser has to be shown when it is back.
func tunnel(ctx context.Context, e *episode, by chance) error {
	for range 8 {
		e.crowd.goOffline()
		by.pause(ctx, 0, 10*ms100)
		e.crowd.goOnline()
		by.pause(ctx, 0, 5*ms100)
	}
	e.note("all browsers were offline eight times")
	return nil
}

// loseFunctionAnswers is F19: the effect is there, and who asked does not know.
func loseFunctionAnswers(ctx context.Context, e *episode, by chance) error {
	for range 6 {
		if err := e.links.poison(toFunctions, toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]any{"bytes": 0}}); err != nil {
			return err
		}
		by.pause(ctx, 2*ms100, 5*ms100)
		e.links.heal(ctx, toFunctions)
		by.pause(ctx, ms100, 4*ms100)
	}
	e.note("answers of functions were lost in six spells")
	return nil
}

// duplicate is F20: each event up to five times, also at the same instant.
func duplicate(ctx context.Context, e *episode, by chance) error {
	return e.writeAgain(ctx, by, func(log []*kgo.Record) (again []*kgo.Record) {
		for _, r := range log {
			for range 1 + by.IntN(4) {
				again = append(again, r)
			}
		}
		return again
	})
}

// disorder is F21: what came last comes first.
func disorder(ctx context.Context, e *episode, by chance) error {
	return e.writeAgain(ctx, by, func(log []*kgo.Record) []*kgo.Record {
		slices.Reverse(log)
		by.Shuffle(len(log)/2, func(i, j int) { log[i], log[j] = log[j], log[i] })
		return log
	})
}

// writeAgain writes what the topic has of this episode once more, otherwise.
func (e *episode) writeAgain(ctx context.Context, by chance, order func([]*kgo.Record) []*kgo.Record) error {
	for range 2 {
		by.pause(ctx, 10*ms100, 20*ms100)
		var log []*kgo.Record
		if err := tried(ctx, 30*time.Second, "read the topic", func() (err error) {
			reading, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			log, err = e.readLog(reading)
			return err
		}); err != nil {
			return err
		}
		slices.SortFunc(log, func(a, b *kgo.Record) int { return a.Timestamp.Compare(b.Timestamp) })
		var copies []*kgo.Record
		for _, r := range order(log) {
			copies = append(copies, &kgo.Record{Topic: topic, Key: r.Key, Value: r.Value, Headers: r.Headers})
		}
		copies = copies[:min(len(copies), 400)]
		if err := e.kafka.ProduceSync(ctx, copies...).FirstErr(); err != nil {
			return err
		}
		e.note("%d records once more", len(copies))
	}
	return nil
}

// poison is F22: what no function can take, in every form.
func poison(ctx context.Context, e *episode, by chance) error {
	for n := range 20 {
		mark := fmt.Sprintf("poison-%s-%d", e.crowd.name, n)
		r := &kgo.Record{Topic: topic}
		switch n % 4 {
		case 0:
			r.Value = fmt.Appendf(nil, `{"type":"new_talent","talent_id":-1,"title":%q,"category":"x"}`, mark)
		case 1:
			r.Value = fmt.Appendf(nil, `{"type":"new_talent","note":%q`, mark)
		case 2:
			r.Value = []byte("\xff\xfe" + mark)
		case 3:
			r = structured("somssi.talent.registered.v1", fmt.Sprintf(`{"talentId":%q}`, mark))
		}
		if err := e.kafka.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
		e.mu.Lock()
		e.poison = append(e.poison, mark)
		e.mu.Unlock()
		by.pause(ctx, 0, 2*ms100)
	}
	e.note("20 poison events")
	return nil
}

// structured is a record of an event of a type, in the structured mode and without a key.
func structured(name, data string) *kgo.Record {
	text := fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/x","type":%q,"data":%s}`, uuid.NewString(), name, data)
	r := shared.Row{Topic: topic, Text: text}.Record(context.Background())
	r.Key = nil
	return r
}

// writeUnknown writes events of a type that functions do not know.
func (e *episode) writeUnknown(ctx context.Context, by chance) error {
	for range 5 {
		r := structured("somssi.talent.praised.v1", fmt.Sprintf(`{"stars":%d}`, by.IntN(6)))
		if err := e.kafka.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

// loseDeadLetters is F25. A source whose retries and whose dead letter sink fail
// gives an event up, as Knative's does. The reconciler finds what is missing; a
// plain message that adopt-talent never got an operator replays. Here there is one
// retry, and the reconciler comes every two seconds.
func loseDeadLetters(ctx context.Context, e *episode, by chance) error {
	hasty := [][2]string{
		{"delivery: {retry: 40,", "delivery: {retry: 1,"},
		{"RECONCILE_AFTER: 2m ", "RECONCILE_AFTER: 3s "},
		{`minute: {cron: {schedule: "* * * * *"}}`, `minute: {cron: {schedule: "*/2 * * * * *"}}`},
	}
	if err := edit(e.house.copy, "template.yaml", hasty...); err != nil {
		return err
	}
	if err := e.house.again(ctx); err != nil {
		return err
	}
	e.excuse("I5", "that is what is lost here")
	e.mend = func(ctx context.Context) error { // the reconciler does; of other producers' messages only the topic knows
		return e.replay(ctx, harness.ReplayRequest{From: "5m", To: []string{"adopt-talent"}})
	}
	e.links.cut(toFunctions)
	away := by.pause(ctx, 20*ms100, 40*ms100)
	if err := e.links.mend(toFunctions); err != nil {
		return err
	}
	e.note("no function was reached for %s, with one retry", away)
	e.restore = func(ctx context.Context) error {
		for i, c := range hasty {
			hasty[i] = [2]string{c[1], c[0]}
		}
		return errors.Join(edit(e.house.copy, "template.yaml", hasty...), e.house.again(ctx))
	}
	return nil
}

// replay delivers again what the topic has.
func (e *episode) replay(ctx context.Context, what harness.ReplayRequest) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var last harness.Progress
	err := tried(ctx, 30*time.Second, "replay", func() (err error) { // Kafka may be away by another fault
		last, err = harness.Replay(ctx, e.house.Run, what, func(harness.Progress) {})
		return err
	})
	e.note("delivered again: %v", last.Fates)
	return err
}
