package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// world is a history as it happens, seen from outside of the sources.
type world struct {
	*fakeKafka
	*history
	began   time.Time
	members []*member
	ending  sync.WaitGroup // starts and stops of members
	refused *kfake.FaultHandle

	mu        sync.Mutex
	log       []string
	met       map[string]int
	well      bool // from now on
	down      [2]bool
	positions map[[2]int32]int64       // of a generation and partition, as was to be committed
	committed map[int32]int64          // of a partition, as Kafka has it
	heard     map[string]time.Duration // when Kafka last heard from a member
}

// record is one record, and what was seen of it.
type record struct {
	spot
	poison  bool
	ways    [2][]behaviour // how the first calls are answered: by the sink, by the dead letter sink
	called  bool
	effects int
	answers [2][]observed
	ends    []end
}

type observed struct {
	member int
	at     time.Duration
	status int
}

// end is one of a record's deliveries that came to its end.
type end struct {
	member    int
	taken, at time.Duration
	fate      string
}

// live lets a history happen.
func live(t *testing.T, h *history) *world {
	w := &world{history: h, met: map[string]int{}, positions: map[[2]int32]int64{}, committed: map[int32]int64{}, heard: map[string]time.Duration{}}
	defer func() {
		if t.Failed() {
			t.Log("\n" + strings.Join(w.log, "\n"))
		}
	}()
	withKafka(t, h.partitions, func(k *fakeKafka) {
		w.fakeKafka, w.began = k, time.Now()
		w.note("ordered %v, %d partitions, dead letter sink %v, %+v", h.ordered, h.partitions, h.dead, h.delivery)
		k.cluster.Control(func(request kmsg.Request) (kmsg.Response, error, bool) {
			k.cluster.KeepControl()
			w.see(request)
			return nil, nil, false
		})
		for _, s := range h.steps {
			w.sleepUntil(s.at)
			w.note("%s", s.what)
			w.mu.Lock()
			w.met[s.what[strings.Index(s.what, " ")+1:]]++
			w.mu.Unlock()
			s.do(w)
		}
		w.sleepUntil(w.now() + time.Second)
		w.note("all is well")
		w.mu.Lock()
		w.well, w.down = true, [2]bool{}
		w.mu.Unlock()
		w.judge()
		for _, m := range w.members {
			w.leave(m.n, false)
		}
		w.ending.Wait()
	})
	return w
}

func (w *world) now() time.Duration { return time.Since(w.began) }

// sleepUntil looks now and then at what Kafka has of the group.
func (w *world) sleepUntil(at time.Duration) {
	for w.now() < at {
		time.Sleep(min(at-w.now(), 500*time.Millisecond))
		w.seeGroup()
	}
}

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noted(format, args...)
}

// noted wants the lock, as wrong does.
func (w *world) noted(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%7.3f ", w.now().Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) wrong(format string, args ...any) {
	w.noted("WRONG: "+format, args...)
	w.Errorf("at %v: "+format, append([]any{w.now()}, args...)...)
}

func (w *world) write(records []*record) {
	for _, r := range records {
		w.produce(&kgo.Record{Partition: r.partition, Key: []byte{byte('a' + r.offset%3)}, Headers: binaryEvent()})
	}
}

func (w *world) grow() {
	if _, err := kadm.NewClient(w.client).CreatePartitions(w.Context(), 1, "t"); err != nil {
		w.Error(err)
	}
	w.client.ForceMetadataRefresh()
}

func (w *world) refuse(key kmsg.Key, err *kerr.Error, count int) {
	if w.refused != nil {
		w.refused.Remove()
	}
	w.refused = nil
	if count > 0 {
		w.refused = w.cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: err, Count: count})
	}
}

func (w *world) fail(sink int, down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[sink] = down
}

func (w *world) away(away bool) {
	for _, m := range w.members {
		if !m.killed() {
			m.line.cut(away)
		}
	}
}

// member is one source and the machine it is on.
type member struct {
	w    *world
	n    int
	line line
	quit context.CancelFunc
	up   chan struct{} // closed when Start returned
	s    *Source       // nil if it failed

	dead, left bool            // the world's lock
	rejoined   []time.Duration // when it had given up what it had
}

func (w *world) join(n int) {
	ctx, quit := context.WithCancel(context.Background())
	m := &member{w: w, n: n, quit: quit, up: make(chan struct{})}
	m.line.net = w.net
	w.members = append(w.members, m)
	c := testConfig(nil)
	c.Ordered, c.Delivery, c.Transport, c.Observe = w.ordered, w.delivery, m, m.finished
	if w.dead {
		c.DeadLetterSink = deadURL
	}
	c.KafkaOpts = []kgo.Opt{
		kgo.Dialer(m.line.dial), kgo.ClientID(fmt.Sprint("m", n)),
		kgo.RequestRetries(0), // see line
		kgo.RebalanceTimeout(15 * time.Second),
	}
	w.ending.Go(func() {
		defer close(m.up)
		var err error
		if m.s, err = Start(ctx, c); err != nil && ctx.Err() == nil {
			w.Errorf("m%d: %v", n, err)
		}
	})
}

// leave stops a member, and waits for what is in flight unless it is hurried.
func (w *world) leave(n int, hurried bool) {
	m := w.members[n]
	if m.left || m.killed() {
		return
	}
	m.left = true
	w.ending.Go(func() {
		<-m.up
		began := w.now()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		if hurried {
			cancel()
		}
		err := m.s.Stop(ctx)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.noted("m%d has left: %v", n, err)
		if took := w.now() - began; w.well && took > 2*commitTimeout {
			w.wrong("m%d took %v to leave", n, took)
		}
	})
}

// kill ends a member as kill -9 does: nothing it would do after that is seen.
func (w *world) kill(n int) {
	m := w.members[n]
	w.mu.Lock()
	m.dead = true
	w.mu.Unlock()
	m.line.cut(true)
	m.line.thaw()
	m.quit()
	w.ending.Go(func() {
		if <-m.up; m.s != nil {
			stopNow(m.s)
		}
	})
}

func (m *member) killed() bool {
	m.w.mu.Lock()
	defer m.w.mu.Unlock()
	return m.dead
}

// RoundTrip is the network to the sinks.
func (m *member) RoundTrip(r *http.Request) (*http.Response, error) {
	of, to, does := m.w.records[spotOf(r)], 0, behaviour{}
	if r.URL.String() == deadURL {
		to = 1
	}
	m.line.wait(r.Context())
	if r.Context().Err() == nil && !m.killed() {
		does = m.w.call(m, of, to)
		if does.took > 0 { // a timer that is due at once is run by who waits for it; of two in a bubble Go 1.26's race detector crashes
			sleep(r.Context(), does.took)
		}
		m.line.wait(context.Background())
	}
	if r.Context().Err() != nil {
		does.status = 0
	}
	if !m.w.answer(m, of, to, does.status) {
		return nil, errors.New("no answer")
	}
	return &http.Response{StatusCode: does.status, Header: http.Header{}, Body: http.NoBody}, nil
}

func spotOf(r *http.Request) spot {
	partition, _ := strconv.Atoi(r.Header["ce-knativekafkapartition"][0])
	offset, _ := strconv.Atoi(r.Header["ce-knativekafkaoffset"][0])
	return spot{int32(partition), int64(offset)}
}

// line is a member's connections to Kafka. What is sent while it is frozen does
// not arrive, but for a commit, which breaks the connection: it would hold a lock
// of kgo's, and no time passes in a bubble while somebody waits for one.
type line struct {
	net *kfake.VirtualNetwork

	mu    sync.Mutex
	gone  bool
	ice   chan struct{} // closed when it thaws; nil unless frozen
	conns []net.Conn
}

func (l *line) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ice == nil {
		l.ice = make(chan struct{})
	}
}

func (l *line) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ice != nil {
		close(l.ice)
		l.ice = nil
		l.close()
	}
}

// cut ends all connections and refuses new ones, or, with false, does no more.
func (l *line) cut(gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = gone
	l.close()
}

func (l *line) close() {
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

func (l *line) frozen() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ice
}

// wait returns when it is not frozen.
func (l *line) wait(ctx context.Context) {
	if ice := l.frozen(); ice != nil {
		select {
		case <-ice:
		case <-ctx.Done():
		}
	}
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	far, err := l.net.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	near, between := net.Pipe()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone || l.ice != nil {
		far.Close()
		return nil, errors.New("connection refused")
	}
	l.conns = append(l.conns, far, between)
	go l.carry(far, between)
	go l.carry(between, far)
	return near, nil
}

func (l *line) carry(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	for bytes := make([]byte, 64<<10); ; { // kgo writes each request at once
		n, err := from.Read(bytes)
		switch {
		case err != nil:
			return
		case l.frozen() == nil:
			if _, err := to.Write(bytes[:n]); err != nil {
				return
			}
		case n > 6 && bytes[5] == byte(kmsg.OffsetCommit):
			return
		}
	}
}
