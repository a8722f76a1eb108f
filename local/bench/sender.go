package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"somssi/local/source"
)

// sender is the transport of both sides, set as the source's own.
func sender() *http.Transport {
	return &http.Transport{
		DisableCompression: true, MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100,
		IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 8 << 10,
	}
}

func sourceConfig(kafka, sink, group string, transport http.RoundTripper) source.Config {
	return source.Config{
		Name: "bench-talents", Namespace: "somssi", Brokers: []string{kafka}, Topics: []string{topic}, Group: group,
		Sink: sink, Transport: transport, Observe: func(source.Delivered) {}, Log: zerolog.Nop(),
		Delivery: source.Delivery{Retry: 40, Delay: 500 * time.Millisecond, Timeout: postTimeout},
	}
}

func playSource(ctx context.Context, args []string) error {
	s, err := source.Start(ctx, sourceConfig(args[0], args[1], fmt.Sprint("source-", time.Now().UnixNano()), sender()))
	if err != nil {
		return err
	}
	fmt.Println("ready")
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Stop(stop)
}

// memory is a transport that keeps requests instead of sending them. It keeps a
// thousand, so that the heap of this side is small as well, and is collected as often.
type memory struct {
	mu       sync.Mutex
	requests []request
	full     chan struct{}
}

type request struct {
	header http.Header
	body   []byte
}

const kept = 1000

// RoundTrip answers 204.
func (m *memory) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.requests) < kept {
		m.requests = append(m.requests, request{r.Header, body})
		if len(m.requests) == kept {
			close(m.full)
		}
	}
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}, nil
}

// playPost lets a source make requests, then sends these again and again.
func playPost(ctx context.Context, args []string) error {
	m := &memory{full: make(chan struct{})}
	s, err := source.Start(ctx, sourceConfig(args[0], args[1], fmt.Sprint("post-", time.Now().UnixNano()), m))
	if err != nil {
		return err
	}
	select {
	case <-m.full:
	case <-ctx.Done():
	}
	if err := s.Stop(ctx); err != nil {
		return err
	}
	sink, err := url.Parse(args[1])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	transport := sender()
	var workers sync.WaitGroup
	var failed atomic.Pointer[error]
	for n := range inFlight {
		workers.Go(func() {
			for i := n; ctx.Err() == nil; i += inFlight {
				if err := post(ctx, transport, sink, m.requests[i%kept]); err != nil && ctx.Err() == nil {
					failed.Store(&err)
					return
				}
			}
		})
	}
	workers.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func post(ctx context.Context, transport http.RoundTripper, to *url.URL, one request) error {
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	defer cancel()
	r := (&http.Request{
		Method: http.MethodPost, URL: to, Host: to.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: one.header, Body: io.NopCloser(bytes.NewReader(one.body)), ContentLength: int64(len(one.body)),
	}).WithContext(ctx)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusNoContent {
		err = fmt.Errorf("the sink answers %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
