package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Names of the parts, for those who make them fail.
const (
	Kafka = "Kafka"
	Redis = "Redis"
	SQL   = "PostgreSQL"
)

// running is a part that was started.
type running struct {
	process *os.Process // nil: in this one
	kill    func()      // as kill -9 does; embedded, as near to it as can be
	stop    func()
	again   func(ctx context.Context) (*running, error) // at the same address, on what it kept
}

// Kill ends a part that was started as kill -9 does. An embedded Kafka has all
// that it acknowledged after it, an embedded Redis nothing.
func (p *Parts) Kill(part string) error {
	one, err := p.started(part)
	if err == nil {
		one.kill()
	}
	return err
}

// Again starts a part that was killed at its address, on what it kept.
func (p *Parts) Again(ctx context.Context, part string) error {
	one, err := p.started(part)
	if err != nil {
		return err
	}
	next, err := one.again(ctx)
	if err != nil {
		return err
	}
	next.again = one.again
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[part] = next
	return nil
}

// Signal sends a signal to the process of a part; an embedded one has none.
func (p *Parts) Signal(part string, signal syscall.Signal) error {
	one, err := p.started(part)
	switch {
	case err != nil:
		return err
	case one.process == nil:
		return fmt.Errorf("%s runs in this process: %w", part, errors.ErrUnsupported)
	}
	return one.process.Signal(signal)
}

func (p *Parts) started(part string) (*running, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.running[part]
	if one == nil {
		return nil, fmt.Errorf("%s was not started here", part)
	}
	return one, nil
}
