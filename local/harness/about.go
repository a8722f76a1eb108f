package harness

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// about is the events that have the id, without the reasons. Several may: of
// different sources, or the wrapped records of different topics.
func (h *Harness) about(ctx context.Context, id string) ([]Why, *Refused) {
	match, word := matching(id)
	rows, err := h.History.Find(word, match)
	if err != nil {
		return nil, &Refused{http.StatusInternalServerError, err.Error()}
	}
	for _, t := range h.running() {
		for _, f := range t.source.InFlight() {
			if one := delivery(t, f.Delivered, false); match(&one) {
				rows = append(rows, one)
			}
		}
	}
	if exact := slices.DeleteFunc(slices.Clone(rows), func(d Delivery) bool { return d.Event != id }); len(exact) > 0 {
		rows = exact
	}
	if len(rows) == 0 {
		if rows, err = h.written(ctx, id); err != nil || len(rows) == 0 {
			return nil, h.unknown(id, err)
		}
	}
	if ids := distinct(rows); len(ids) > 1 {
		some := ids[:min(5, len(ids))]
		return nil, &Refused{http.StatusConflict, fmt.Sprintf("%d events begin with %q, give more of it: %s", len(ids), id, strings.Join(some, ", "))}
	}
	return group(rows), nil
}

var placed = regexp.MustCompile(`^(.+)/(\d{1,9})@(\d{1,18})$`)

// place reads topic/partition@offset.
func place(text string) (topic string, partition int32, offset int64, ok bool) {
	m := placed.FindStringSubmatch(text)
	if m == nil {
		return "", 0, 0, false
	}
	number, _ := strconv.Atoi(m[2])
	offset, _ = strconv.ParseInt(m[3], 10, 64)
	return m[1], int32(number), offset, true
}

// matching is what an id, or a place, is found by, and a word that is in the
// JSON of each such delivery.
func matching(id string) (match func(*Delivery) bool, word string) {
	if topic, partition, offset, ok := place(id); ok {
		return func(d *Delivery) bool { return d.Topic == topic && d.Partition == partition && d.Offset == offset }, topic
	}
	return func(d *Delivery) bool { return d.Event != "" && strings.HasPrefix(d.Event, id) }, id
}

// unknown says where was looked, and what to try.
func (h *Harness) unknown(id string, err error) *Refused {
	since := "none yet"
	if rows := h.History.After(0); len(rows) > 0 {
		since = fmt.Sprintf("numbers %d to %d in memory, since %s, and those before on disk", rows[0].Number, rows[len(rows)-1].Number, rows[0].At.Local().Format(time.DateTime))
	}
	topics := "nor by its whole id in the topics " + strings.Join(slices.Sorted(maps.Keys(h.house.Topics)), ", ")
	if err != nil {
		topics = fmt.Sprintf("and the topics could not be read to their ends (%v)", err)
	}
	return &Refused{http.StatusNotFound, fmt.Sprintf("no event whose id begins with %q: not among the deliveries (%s), nor in flight at the %d sources, %s. "+
		"go run ./local events lists the ids; a plain message is called partition:P/offset:O, or by its place, topic/P@O", id, since, len(h.running()), topics)}
}

func distinct(rows []Delivery) (ids []string) {
	for _, d := range rows {
		if d.Event != "" && !slices.Contains(ids, d.Event) { // a place that also was discarded has one id, or none
			ids = append(ids, d.Event)
		}
	}
	return ids
}

// wrapped is the type of what was no CloudEvent: there the source is of the
// trigger that wrapped it, and tells nothing apart.
const wrapped = "dev.knative.kafka.event"

// group parts events that share an id, and puts each one's deliveries to their trigger.
func group(rows []Delivery) (all []Why) {
	for _, d := range rows {
		i := slices.IndexFunc(all, func(w Why) bool {
			return w.Topic == d.Topic && (w.Source == d.Source || d.Type == wrapped || d.Event == "" || w.Event == "")
		})
		if i < 0 {
			i = len(all)
			all = append(all, Why{Topic: d.Topic})
		}
		w := &all[i]
		w.Event, w.Source, w.Type = cmp.Or(w.Event, d.Event), cmp.Or(w.Source, d.Source), cmp.Or(w.Type, d.Type)
		w.Trace, w.Cause = cmp.Or(w.Trace, d.Trace), cmp.Or(w.Cause, d.Cause)
		if w.Type == wrapped {
			w.Source = ""
		}
		if at := (Record{d.Partition, d.Offset}); !slices.Contains(w.Records, at) {
			w.Records = append(w.Records, at)
		}
		if d.Function == "" {
			continue // only known to be in a topic
		}
		j := slices.IndexFunc(w.Triggers, func(r Reason) bool { return r.Function == d.Function && r.Trigger == d.Trigger })
		if j < 0 {
			j = len(w.Triggers)
			w.Triggers = append(w.Triggers, Reason{Function: d.Function, Trigger: d.Trigger, Kind: "gone", Reads: true})
		}
		if d.Fate != "" { // else it is in flight, and asked for anew
			w.Triggers[j].Deliveries = append(w.Triggers[j].Deliveries, Explained{Delivery: d})
		}
	}
	return all
}
