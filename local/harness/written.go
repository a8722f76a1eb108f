package harness

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"somssi/local/source"
)

// written looks for an event in the topics, by its whole id or its place, for at
// most 3 s: it may wait for its turn, or have come and gone before the history
// begins. What it finds is no delivery: it has no function.
func (h *Harness) written(ctx context.Context, id string) (found []Delivery, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var mu sync.Mutex
	c := source.Config{
		Name: "why", Namespace: h.house.Namespace, Group: "why", // which a replay does not join
		Brokers: h.brokers(), KafkaOpts: h.kafka, Topics: slices.Collect(maps.Keys(h.house.Topics)),
		Sink: "http://nobody", Transport: nobody{},
		Observe: func(d source.Delivered) {
			mu.Lock()
			defer mu.Unlock()
			found = append(found, delivery(&trigger{}, d, false))
		},
	}
	which := source.Range{Partition: -1, Event: id}
	if topic, partition, offset, ok := place(id); ok {
		which = source.Range{Topic: topic, Partition: partition, From: offset, Until: offset + 1}
	}
	if len(c.Topics) == 0 || len(h.running()) == 0 {
		return nil, nil // nothing to read, or nobody to read it yet
	}
	err = source.Replay(ctx, c, which, func(_, _ int64) {})
	mu.Lock()
	defer mu.Unlock()
	for i := range found {
		found[i].Fate = ""
	}
	return found, err
}

// nobody takes every event and does nothing with it.
type nobody struct{}

func (nobody) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
}
