package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/source"
	"somssi/local/template"
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

// redriveRoutes is POST /dev/redrive/{function}: a Dead to that function alone,
// once, through the runner and past Kafka, with the answer told as Redriven.
// What fails goes to no dead letter sink.
func (h *Harness) redriveRoutes(mux *http.ServeMux, t *template.Template) {
	mux.HandleFunc("POST /dev/redrive/{function}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("function")
		if _, known := t.Functions[name]; !known {
			fail(w, r, http.StatusNotFound, "no function "+name+": there are "+strings.Join(t.Names(), ", "))
			return
		}
		if h.runner == nil {
			fail(w, r, http.StatusServiceUnavailable, "starting; try again")
			return
		}
		var dead Dead
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostInvoked)).Decode(&dead); err != nil {
			fail(w, r, http.StatusBadRequest, "the body is no dead letter in JSON of at most 16 MiB")
			return
		}
		c, hasSource, err := sourceOf(t, name, h.brokers())
		if err != nil {
			fail(w, r, http.StatusInternalServerError, err.Error())
			return
		}
		e, fromRecord := h.original(r.Context(), c, dead)
		answer := h.invoke(r.Context(), name, c, e)
		answer.Next = next(answer.Fate, c.Delivery, hasSource)
		shared.WriteJSON(w, http.StatusOK, Redriven{answer, fromRecord})
	})
}

// original is the event that died. A function's answer may have added
// attributes to a dead letter (Kne- headers), which only the record itself lacks.
func (h *Harness) original(ctx context.Context, c source.Config, dead Dead) (_ source.Event, fromRecord bool) {
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
			return e, true
		}
	}
	return kept, false
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
	client, err := kgo.NewClient(
		kgo.SeedBrokers(h.brokers()...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(offset)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond), kgo.FetchMaxBytes(1<<20),
	)
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
