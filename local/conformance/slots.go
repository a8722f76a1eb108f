package conformance

import "sync"

// slots runs functions beside each other, but not too many.
type slots struct {
	free    chan struct{}
	running sync.WaitGroup
}

func newSlots(n int) *slots { return &slots{free: make(chan struct{}, n)} }

// run waits for a slot.
func (s *slots) run(do func()) {
	s.free <- struct{}{}
	s.running.Go(func() {
		defer func() { <-s.free }()
		do()
	})
}

func (s *slots) wait() { s.running.Wait() }
