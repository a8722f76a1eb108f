package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const connections = 16

// receiveRow: requests/s that update-stats answers to an event that it ignores,
// so that it does what shared does for every event and nothing else, its log
// line to /dev/null included; against net/http alone that reads the body. One
// client sends both the same request over 16 connections that are kept. The
// client shares the machine with the server, which brings the ratio nearer to
// 1; the processor time of a request at the server alone is told beside it.
func receiveRow(ctx context.Context, b *bench) ([]Row, error) {
	bin, err := b.build(ctx, "update-stats")
	if err != nil {
		return nil, err
	}
	bare, err := b.bare(ctx)
	if err != nil {
		return nil, err
	}
	sides := [2]*server{}
	for i, g := range []program{{filepath.Join(bin, "update-stats"), []string{"REDIS_URL=redis://127.0.0.1:1"}, ignored}, {bare, nil, ignored}} {
		p, address, _, err := g.start(ctx)
		if err != nil {
			return nil, err
		}
		defer p.end()
		sides[i] = &server{process: p, address: address, client: &http.Transport{
			MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true,
		}}
	}
	all, err := takeTurns(5, func() (float64, error) { return sides[0].run(ctx) }, func() (float64, error) { return sides[1].run(ctx) })
	if err != nil {
		return nil, err
	}
	for i := range sides {
		sides[i].process.end()
	}
	row := Row{What: "receive path of shared, against net/http alone that reads the body", Unit: "requests/s", Least: 0.85}
	row.Notes = []string{fmt.Sprintf("16 connections; processor time of a request at the server: %.1f against %.1f µs", sides[0].cost(), sides[1].cost())}
	return []Row{row.of(all)}, nil
}

// ignored is an event that update-stats has nothing to do for, as a source sends it.
func ignored(ctx context.Context, address string) (*http.Request, error) {
	data := fmt.Sprintf(`{"talentId":1000000001,"version":2,"sellerId":42,"category":"writing","title":%q,"priceKrw":800000,"tags":["a","b"],"at":"2026-01-02T03:04:05.678Z"}`,
		strings.Repeat("t", 150))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader([]byte(data)))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": "019b7d2c-4a5e-7c41-8a3f-0d6d5a1c2b3e", "Ce-Source": "/somssi/register-talent",
		"Ce-Type": "somssi.talent.closed.v1", "Ce-Subject": "talent/1000000001", "Ce-Time": "2026-01-02T03:04:05.678Z",
		"Ce-Dataschema": "somssi:/schemas/somssi.talent.closed.v1.json", "Ce-Partitionkey": "1000000001",
		"Ce-Traceparent":           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"Ce-Knativekafkapartition": "3", "Ce-Knativekafkaoffset": "123456",
		"Content-Type": "application/json", "Prefer": "reply", "Kn-Namespace": "somssi",
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}

// server is a server and the client that loads it.
type server struct {
	process  process
	address  string
	client   *http.Transport
	answered atomic.Int64 // in all
}

const (
	warmUp  = 300 * time.Millisecond
	measure = 2 * time.Second
)

// run loads the server for a while and returns the requests/s after the warm-up.
func (l *server) run(ctx context.Context) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	like, err := ignored(ctx, l.address)
	if err != nil {
		return 0, err
	}
	var workers sync.WaitGroup
	var failed atomic.Pointer[error]
	for range connections {
		workers.Go(func() {
			for ctx.Err() == nil {
				if err := l.send(like); err != nil && ctx.Err() == nil {
					failed.Store(&err)
					cancel()
				}
			}
		})
	}
	wait(ctx, warmUp)
	before, began := l.answered.Load(), time.Now()
	wait(ctx, measure)
	rate := float64(l.answered.Load()-before) / time.Since(began).Seconds()
	cancel()
	workers.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return rate, nil
}

func (l *server) send(like *http.Request) error {
	one := *like
	body, err := like.GetBody()
	if err != nil {
		return err
	}
	one.Body = body
	response, err := l.client.RoundTrip(&one)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if err == nil && response.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("%s answers %s", l.address, response.Status)
	}
	l.answered.Add(1)
	return err
}

// cost is the server's processor time for a request in µs, once it has ended.
func (l *server) cost() float64 {
	return float64(l.process.cpu().Microseconds()) / float64(l.answered.Load())
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
