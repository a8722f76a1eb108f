package conformance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	twin "somssi/local/source"
)

// member is the twin of one way in this process, as long as it runs.
type member struct {
	config twin.Config
	source *twin.Source
	link   *link
	crash  sync.WaitGroup
}

// startMember starts the twin and returns when it is ready.
func startMember(ctx context.Context, c twin.Config) (*member, error) {
	m := &member{config: c, link: &link{conns: map[net.Conn]struct{}{}, refused: make(chan struct{}, 1)}}
	like, err := kgo.NewClient(c.KafkaOpts...)
	if err != nil {
		return m, err
	}
	m.link.tls, _ = like.OptValue(kgo.DialTLSConfig).(*tls.Config)
	like.Close()
	c.KafkaOpts = append(slices.Clip(c.KafkaOpts), kgo.DialTLSConfig(nil), kgo.Dialer(m.link.dial))
	m.source, err = twin.Start(ctx, c)
	return m, err
}

// stop ends it cleanly. What is not finished when ctx ends is given up.
func (m *member) stop(ctx context.Context) error {
	if m.source == nil {
		return nil
	}
	s := m.source
	m.source = nil
	return s.Stop(ctx)
}

// kill ends it as kill -9 would, as far as Kafka and the sinks can tell: nothing
// is committed, nobody says goodbye, and requests in flight break off.
func (m *member) kill() {
	m.link.sever()
	s := m.source
	m.source = nil
	m.crash.Go(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Stop(ctx) // it must fail: it can reach nobody
	})
}

// apply is what happens to a running twin when its configuration is read again:
// nothing, unless it changed.
func (m *member) apply(ctx context.Context, c twin.Config) error {
	if reflect.DeepEqual(c, m.config) {
		return nil
	}
	if err := m.stop(ctx); err != nil {
		return err
	}
	next, err := startMember(ctx, c)
	if err == nil {
		m.config, m.source, m.link = next.config, next.source, next.link
	}
	return err
}

// link is all connections of one twin with Kafka.
type link struct {
	tls     *tls.Config // nil: without
	mu      sync.Mutex
	conns   map[net.Conn]struct{}
	severed bool
	deaf    bool          // to commits
	refused chan struct{} // gets one of each commit that was refused, if there is room
}

var errSevered = errors.New("cut on purpose")

func (l *link) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	dial := dialer.DialContext
	if l.tls != nil {
		dial = (&tls.Dialer{NetDialer: dialer, Config: l.tls}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.severed {
		_ = conn.Close()
		return nil, fmt.Errorf("dial %s: %w", address, errSevered)
	}
	watched := &linked{Conn: conn, link: l}
	l.conns[watched] = struct{}{}
	return watched, nil
}

// sever cuts all connections, and lets no new one be made.
func (l *link) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.severed = true
	for conn := range l.conns {
		_ = conn.(*linked).Conn.Close()
	}
}

// refuseCommits lets every commit fail, or no longer.
func (l *link) refuseCommits(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf = on
}

// waitRefused waits until a commit was refused.
func (l *link) waitRefused(ctx context.Context) {
	select {
	case <-l.refused:
	case <-ctx.Done():
	}
}

// linked is one connection of a link.
type linked struct {
	net.Conn
	link *link
}

// Write breaks the connection on a commit that is to fail. The client writes a
// request at a time: four bytes of length, then two with the kind of request.
func (l *linked) Write(p []byte) (int, error) {
	commit := len(p) > 6 && int(p[4])<<8|int(p[5]) == int(kmsg.OffsetCommit)
	l.link.mu.Lock()
	deaf := l.link.deaf
	l.link.mu.Unlock()
	if commit && deaf {
		select {
		case l.link.refused <- struct{}{}:
		default:
		}
		_ = l.Conn.Close()
		return 0, errSevered
	}
	return l.Conn.Write(p)
}

func (l *linked) Close() error {
	l.link.mu.Lock()
	delete(l.link.conns, l)
	l.link.mu.Unlock()
	return l.Conn.Close()
}
