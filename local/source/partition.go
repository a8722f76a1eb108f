package source

import (
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// partition is what is going on in one partition during one assignment of it.
// An assignment that ends leaves its partition behind: what finishes then
// touches no newer one.
type partition struct {
	topic  string
	number int32

	mu sync.Mutex
	// taken are the offsets that were taken from Kafka and are not finished,
	// as they came. They are few: what is in flight, or queued. That the log
	// has gaps, or starts again, needs no care this way.
	taken     []int64
	next      int64 // after the last one taken
	committed int64 // the position Kafka knows, as far as we know
	started   bool

	// Only used by the watchdog.
	watched, watchedEnd int64 // how it found the position and the end
	movedAt             time.Time
	stalled             string // why it stands still; empty while it does not

	// Only used for ordered delivery.
	queue  []*kgo.Record
	queued int64 // bytes
	limit  int64 // of them
	busy   bool  // somebody works on the queue
	paused bool
}

// take notes records as unfinished, which a poll never returns without any.
func (p *partition) take(records []*kgo.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.started {
		p.started, p.committed = true, records[0].Offset
	}
	for _, r := range records {
		p.taken = append(p.taken, r.Offset)
	}
	p.next = records[len(records)-1].Offset + 1
}

func (p *partition) finish(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch i := slices.Index(p.taken, offset); i {
	case -1:
	case 0:
		p.taken = p.taken[1:]
	default:
		p.taken = slices.Delete(p.taken, i, i+1)
	}
}

// position is what to commit: the first offset that is not finished. moved
// says whether Kafka has yet to hear of it.
func (p *partition) position() (offset int64, moved bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	offset = p.lowest()
	return offset, p.started && offset != p.committed
}

// lowest is the first offset that is not finished. It wants the lock.
func (p *partition) lowest() int64 {
	if len(p.taken) > 0 {
		return p.taken[0]
	}
	return p.next
}

func (p *partition) setCommitted(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.committed = offset
}
