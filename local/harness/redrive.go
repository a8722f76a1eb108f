package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/source"
	"somssi/shared"
)

// Dead is a dead letter to be sent again: the attributes of its event, without
// those of the error, and its data.
type Dead struct {
	Attributes map[string]string `json:"attributes"`
	Data       []byte            `json:"data"`
}

// Redriven is what came of a dead letter that was sent again.
type Redriven struct {
	Invoked
	// FromRecord is whether the record was still in Kafka, and so the event is
	// to the byte the one that died; else it is what was kept of it.
	FromRecord bool `json:"fromRecord"`
}

// postRedrive sends a Dead to the function alone, once, through the runner and
// past Kafka. What fails goes to no dead letter sink. What comes of it is in the
// history, as of a replay.
func (h *Harness) postRedrive(w http.ResponseWriter, r *http.Request) {
	of, body, ok := h.invoked(w, r)
	if !ok {
		return
	}
	var dead Dead
	if err := json.Unmarshal(body, &dead); err != nil {
		refuse(w, http.StatusBadRequest, "the body is no dead letter in JSON")
		return
	}
	began := time.Now()
	e, at := h.original(r.Context(), of.config, dead)
	answer := Redriven{h.invoke(r.Context(), of, e), at != nil}
	if at != nil {
		h.History.add(redelivery(of, e, at, began, answer.Invoked))
	}
	shared.WriteJSON(w, http.StatusOK, answer)
}

// redelivery is a redrive as a row of the history. One that failed is a dead
// letter still.
func redelivery(of *trigger, e source.Event, at *kgo.Record, began time.Time, answer Invoked) Delivery {
	a := source.Attempt{To: of.config.Sink, Took: time.Duration(answer.TookMs) * time.Millisecond, Status: answer.Status, Err: answer.Error}
	d := source.Delivered{
		Topic: at.Topic, Partition: at.Partition, Offset: at.Offset,
		Event: e.Attributes["id"], Source: e.Attributes["source"], Type: e.Attributes["type"], Trace: e.Attributes["traceparent"],
		Cause: e.Attributes["causationid"], Taken: began, Ended: time.Now(), Fate: source.Done,
	}
	if answer.Fate != source.Done {
		d.Fate, a.Answer = source.DeadLetter, []byte(answer.Body[:min(len(answer.Body), 1024)])
	}
	d.Attempts = []source.Attempt{a}
	row := delivery(of, d, true)
	row.Redrive = true
	return row
}

// original is the event that died, and its record where that is still there. A function's answer may have added
// attributes to a dead letter (Kne- headers), which only the record itself lacks.
func (h *Harness) original(ctx context.Context, c source.Config, dead Dead) (_ source.Event, at *kgo.Record) {
	partition, noPartition := strconv.ParseInt(dead.Attributes["knativekafkapartition"], 10, 32)
	offset, noOffset := strconv.ParseInt(dead.Attributes["knativekafkaoffset"], 10, 64)
	kept := source.Event{Attributes: dead.Attributes, Data: dead.Data}
	kept.Header, kept.Illegal = source.Request(c, dead.Attributes)
	for _, topic := range c.Topics {
		if noPartition != nil || noOffset != nil {
			break
		}
		r := h.record(ctx, topic, int32(partition), offset)
		if r == nil {
			continue
		}
		e, ok := source.Convert(c, r)
		if ok && alike(e, kept) {
			return e, r
		}
	}
	return kept, nil
}

// alike reports whether two are the same event, as far as a header tells: it has
// a ? for each character that it can not have, and so has what was kept.
func alike(a, b source.Event) bool {
	for _, name := range []string{"ce-id", "ce-source"} {
		if !slices.Equal(a.Header[name], b.Header[name]) {
			return false
		}
	}
	return bytes.Equal(a.Data, b.Data)
}

// record is one record of Kafka, nil where it is not there any more.
func (h *Harness) record(ctx context.Context, topic string, partition int32, offset int64) *kgo.Record {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	client, err := kgo.NewClient(append(slices.Clip(h.kafka),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(offset)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxBytes(1<<20),
	)...)
	if err != nil {
		return nil
	}
	defer client.Close()
	for _, r := range client.PollRecords(ctx, 1).Records() {
		if r.Offset == offset {
			return r
		}
	}
	return nil
}
