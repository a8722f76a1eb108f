package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
	"somssi/local/source"
)

// readLog is what was written to the topic since the episode began.
func (e *episode) readLog(ctx context.Context) ([]*kgo.Record, error) {
	ends, err := e.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	from, missing := map[int32]kgo.Offset{}, int64(0)
	for partition, end := range ends[topic] {
		begin, _ := e.from.Lookup(topic, partition)
		from[partition] = kgo.NewOffset().At(begin.Offset)
		missing += end.Offset - begin.Offset
	}
	if missing == 0 {
		return nil, nil
	}
	reader, err := kgo.NewClient(append(e.past, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))...)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []*kgo.Record
	for int64(len(all)) < missing {
		fetches := reader.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("%d of %d records: %w", len(all), missing, err)
		}
		all = append(all, fetches.Records()...)
	}
	return all, nil
}

// judgeLog: every registration was published (I1), and nothing was that nobody registered (I6).
func (e *episode) judgeLog(out *Episode, talents []*talent, log []*kgo.Record) {
	published := map[int64]bool{}
	for _, r := range log {
		if id, ok := registeredIn(r); ok {
			published[id] = true
		}
	}
	for _, t := range talents {
		if !published[t.id] {
			out.broke("I1", "talent %d (%s, key %s) was never published", t.id, t.category, t.key)
		}
		delete(published, t.id)
	}
	for id := range published {
		out.broke("I6", "talent %d was published, and nobody registered it", id)
	}
}

// registeredIn is the talent whose registration a record is, be it an event of
// ours or the message of another producer.
func registeredIn(r *kgo.Record) (talent int64, ok bool) {
	var event struct {
		Type string
		Data struct{ TalentID int64 }
	}
	if json.Unmarshal(r.Value, &event) != nil || event.Type != "somssi.talent.registered.v1" {
		return 0, false
	}
	return event.Data.TalentID, true
}

// judgeDeliveries: every record came to one end in every group, and none was
// committed before (I5, I9). A house that was killed does not know of all its
// deliveries; then the effects alone are judged.
func (e *episode) judgeDeliveries(ctx context.Context, out *Episode, log []*kgo.Record) {
	var made []harness.Delivery
	if err := harness.Ask(ctx, e.house.Run, http.MethodGet, fmt.Sprintf("/dev/events?after=%d&topic=%s", e.after, topic), nil, &made); err != nil {
		out.broke("I5", "the history cannot be read: %v", err)
		return
	}
	type place struct {
		group     string
		partition int32
		offset    int64
	}
	fates, ended := map[place]string{}, map[place]time.Time{}
	for _, d := range made {
		out.Deliveries++
		out.Attempts += len(d.Attempts)
		if d.Replay {
			continue
		}
		at := place{d.Group, d.Partition, d.Offset}
		if fates[at] != source.Done {
			fates[at] = d.Fate
		}
		if ended[at].IsZero() || d.Ended.Before(ended[at]) {
			ended[at] = d.Ended
		}
	}
	for at, fate := range fates {
		switch fate {
		case source.Lost:
			if e.excused["I5"] {
				continue
			}
			out.broke("I5", "partition %d offset %d was lost for %s", at.partition, at.offset, at.group)
		case source.DeadLetter:
			out.DeadLetters++
		}
	}
	if e.house.kills != e.kills || e.excused["I5"] {
		return
	}
	for _, group := range e.groups() {
		for _, r := range log {
			if _, ok := fates[place{group, r.Partition, r.Offset}]; !ok {
				out.broke("I5", "partition %d offset %d has no end for %s", r.Partition, r.Offset, group)
			}
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	reached := map[place]int64{}
	for _, c := range e.commits {
		at := place{group: c.group, partition: c.partition}
		if c.offset < reached[at] && !e.excused["I9"] {
			out.broke("I9", "%s went back from %d to %d in partition %d", c.group, reached[at], c.offset, c.partition)
		}
		for offset := max(reached[at], e.begin(c.partition)); offset < c.offset; offset++ {
			if end, ok := ended[place{c.group, c.partition, offset}]; ok && end.After(c.at.Add(time.Second)) { // the question took a moment
				out.broke("I9", "%s had committed %d in partition %d at %s, and offset %d ended at %s", c.group, c.offset, c.partition, c.at.Format(time.TimeOnly), offset, end.Format(time.TimeOnly))
			}
		}
		reached[at] = max(reached[at], c.offset)
	}
}

func (e *episode) begin(partition int32) int64 {
	o, _ := e.from.Lookup(topic, partition)
	return o.Offset
}

// judgeDead: what must be a dead letter is kept with its reason, and nothing else is one (I5).
func (e *episode) judgeDead(ctx context.Context, out *Episode) {
	rows, err := e.db.QueryContext(ctx, `SELECT attributes, data, reason, dest FROM dead_letter WHERE kept_ms >= $1`, e.began.UnixMilli())
	if err != nil {
		out.broke("I5", "dead letters: %v", err)
		return
	}
	defer func() { _ = rows.Close() }()
	missing := map[string]bool{}
	for _, mark := range e.poison {
		missing[mark] = true
	}
	for rows.Next() {
		var attributes, reason, dest string
		var data []byte
		if err := rows.Scan(&attributes, &data, &reason, &dest); err != nil {
			out.broke("I5", "dead letters: %v", err)
		}
		text := attributes + string(data)
		if mark := poisonMark.FindString(text); mark != "" {
			if reason == "" {
				out.broke("I5", "the dead letter %s has no reason", mark)
			}
			delete(missing, mark)
		} else if strings.Contains(text, e.crowd.name+"-") && !e.excused["I5"] {
			out.broke("I5", "an event of this episode is a dead letter of %s: %s; %.200s", dest, reason, text)
		}
	}
	if err := rows.Err(); err != nil {
		out.broke("I5", "dead letters: %v", err)
	}
	for mark := range missing {
		out.broke("I5", "no dead letter has %s", mark)
	}
}

// poisonMark is in each event that has to be a dead letter.
var poisonMark = regexp.MustCompile(`poison-e[0-9]+-[0-9]+`)
