package harness

import (
	"sync"
	"time"

	"somssi/local/source"
)

// History is the last 10,000 deliveries.
type History struct {
	mu   sync.Mutex
	next int // the number of the next
	ring []Delivery
}

// Delivery is what became of one event at one function.
type Delivery struct {
	Number    int       `json:"number"` // counts up from 1 while the harness runs
	At        time.Time `json:"at"`
	Function  string    `json:"function"`
	Trigger   string    `json:"trigger"`
	Event     string    `json:"event"`
	Type      string    `json:"type"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Fate      string    `json:"fate"` // done, dead letter, lost
	Attempts  []Attempt `json:"attempts"`
}

// Attempt is one request of a delivery.
type Attempt struct {
	To     string `json:"to"`
	WaitMs int64  `json:"waitMs"`
	TookMs int64  `json:"tookMs"`
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
}

const remembered = 10_000

func (h *History) add(function, trigger string, d source.Delivered) {
	one := Delivery{
		At: d.Taken.UTC(), Function: function, Trigger: trigger, Event: d.Event, Type: d.Type,
		Topic: d.Topic, Partition: d.Partition, Offset: d.Offset, Fate: d.Fate,
	}
	for _, a := range d.Attempts {
		one.Attempts = append(one.Attempts, Attempt{a.To, a.Wait.Milliseconds(), a.Took.Milliseconds(), a.Status, a.Err})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next++
	one.Number = h.next
	if len(h.ring) < remembered {
		h.ring = append(h.ring, one)
		return
	}
	h.ring[(h.next-1)%remembered] = one
}

// After is the deliveries after number, oldest first.
func (h *History) After(number int) []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	found := []Delivery{}
	for n := max(number+1, h.next-len(h.ring)+1); n <= h.next; n++ {
		found = append(found, h.ring[(n-1)%remembered])
	}
	return found
}
