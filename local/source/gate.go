package source

import (
	"context"
	"sync"
	"sync/atomic"
)

// gate holds attempts back while a person looks. What is held keeps its place,
// its event and the number of its attempt; Kafka only sees a consumer that takes
// its time.
type gate struct {
	closed atomic.Bool // so that an open gate costs nothing
	breaks atomic.Bool // whether a failing attempt closes it

	mu      sync.Mutex
	waiting []chan struct{} // in the order of their coming
}

func (g *gate) pause() { g.closed.Store(true) }

func (g *gate) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed.Store(false)
	for _, one := range g.waiting {
		close(one)
	}
	g.waiting = nil
}

// step lets the first one through, if there is one.
func (g *gate) step() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return false
	}
	close(g.waiting[0])
	g.waiting = g.waiting[1:]
	return true
}

// pass waits until the gate is open, or lets this one through. It is false if
// stopping ended first: then the attempt must not be made. held is called if
// it has to wait.
func (g *gate) pass(stopping context.Context, held func()) bool {
	if !g.closed.Load() {
		return true
	}
	g.mu.Lock()
	if !g.closed.Load() {
		g.mu.Unlock()
		return true
	}
	through := make(chan struct{})
	g.waiting = append(g.waiting, through)
	held() // before anybody could let it through
	g.mu.Unlock()
	select {
	case <-through:
		return true
	case <-stopping.Done():
		return false
	}
}

// Pause lets no further attempt begin until Resume; those that are under way
// end. Records are taken as long as there is room for them.
func (s *Source) Pause() { s.gate.pause() }

// Resume lets everything go on. A break stays set.
func (s *Source) Resume() { s.gate.resume() }

// Step lets the attempt that is held longest be made, and reports whether there
// was one. The source stays paused.
func (s *Source) Step() bool { return s.gate.step() }

// BreakOnFailure pauses the source whenever an attempt fails, with the event in
// hand: let through by Step or Resume, the same attempt is made again, before
// any rule says what follows from its failure.
func (s *Source) BreakOnFailure(on bool) { s.gate.breaks.Store(on) }

// broke reports whether a failing attempt is to be held, and pauses if so.
func (g *gate) broke() bool {
	if !g.breaks.Load() {
		return false
	}
	g.pause()
	return true
}
