package source

import "github.com/twmb/franz-go/pkg/kgo"

// queueLimit is how many bytes one of so many ordered partitions may queue
// before it is paused. All of them together get half of what the source may
// have, so that blocked ones never keep the others from being polled. It is
// high, as to pause costs what was fetched already.
func queueLimit(partitions int) int64 {
	return min(4<<20, maxBytes/2/int64(max(partitions, 1)))
}

// push queues records for ordered delivery, and pauses the partition if they
// are much. It reports whether nobody worked on the queue: then the caller must
// see to it.
func (p *partition) push(client *kgo.Client, records []*kgo.Record) (idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range records {
		p.queued += weight(r)
	}
	p.queue = append(p.queue, records...)
	idle, p.busy = !p.busy, true
	if !p.paused && p.queued > p.limit {
		p.paused = true
		client.PauseFetchPartitions(p.itself())
	}
	return idle
}

// pop takes the first record off the queue, or, if there is none, ends the
// work on it.
func (p *partition) pop(client *kgo.Client) (r *kgo.Record, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.busy = false
		return nil, false
	}
	r = p.queue[0]
	p.queue[0] = nil // what is behind the slice would keep it from the collector
	p.queue = p.queue[1:]
	p.queued -= weight(r)
	// Half is left to work on until the first fetch after the pause.
	if p.paused && p.queued < p.limit/2 {
		p.paused = false
		client.ResumeFetchPartitions(p.itself())
	}
	return r, true
}

// drop empties the queue, and returns how much was in it. What is in
// flight goes on. A pause would outlive the assignment, so it ends here.
func (p *partition) drop(client *kgo.Client) (records, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paused {
		p.paused = false
		client.ResumeFetchPartitions(p.itself())
	}
	records, bytes = int64(len(p.queue)), p.queued
	p.queue, p.queued = nil, 0
	return records, bytes
}

// itself is the partition as kgo wants it named.
func (p *partition) itself() map[string][]int32 { return map[string][]int32{p.topic: {p.number}} }

// weight is about what a record takes in memory.
func weight(r *kgo.Record) int64 {
	bytes := 256 + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		bytes += len(h.Key) + len(h.Value) + 64
	}
	return int64(bytes)
}
