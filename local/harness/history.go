package harness

import (
	"sort"
	"sync"
)

// remembered is how many deliveries are in memory.
const remembered = 10_000

// History is the last 10,000 deliveries in memory and, where it was opened with
// a folder, the last 64 MiB of them there. The zero value has none and no folder.
type History struct {
	mu    sync.Mutex
	last  int        // the number of the last
	ring  []Delivery // by number, from begin on and around
	begin int
	disk  *disk // nil: none
}

// add gives d the next number. It does not touch the disk.
func (h *History) add(d Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last++
	d.Number = h.last
	h.keep(d)
}

func (h *History) keep(d Delivery) {
	if len(h.ring) < remembered {
		h.ring = append(h.ring, d)
		return
	}
	h.ring[h.begin] = d
	h.begin = (h.begin + 1) % remembered
}

// After is the deliveries in memory after number, oldest first.
func (h *History) After(number int) []Delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.ring)
	at := func(i int) *Delivery { return &h.ring[(h.begin+i)%n] }
	// Not counted off from the last one: what a kill left unwritten are gaps.
	first := sort.Search(n, func(i int) bool { return at(i).Number > number })
	found := make([]Delivery, 0, n-first)
	for i := first; i < n; i++ {
		found = append(found, *at(i))
	}
	return found
}

// Find is the deliveries that match, oldest first, in memory and, where word is
// given, which each of them must have somewhere in its JSON, on disk.
func (h *History) Find(word string, match func(*Delivery) bool) ([]Delivery, error) {
	recent := h.After(0)
	var found []Delivery
	if h.disk != nil && word != "" {
		before := 1 << 62
		if len(recent) > 0 {
			before = recent[0].Number
		}
		older, err := h.disk.find(word, before, match)
		if err != nil {
			return nil, err
		}
		found = older
	}
	for i := range recent {
		if match(&recent[i]) {
			found = append(found, recent[i])
		}
	}
	return found, nil
}
