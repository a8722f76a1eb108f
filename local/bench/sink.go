package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// window is the time between two events that the sink counts, from 1.
type window struct {
	from, to         int64
	counted          atomic.Int64
	beginNs, endedNs atomic.Int64
	over             chan struct{}
}

// playSink answers 204 to every event. GET /window?from=…&to=… begins to count
// anew, and answers how many ns were between these two.
func playSink(ctx context.Context, _ []string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var current atomic.Pointer[window]
	current.Store(&window{over: make(chan struct{})})
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/window" {
			take(w, r, current.Load())
			return
		}
		from, _ := strconv.ParseInt(r.URL.Query().Get("from"), 10, 64)
		to, _ := strconv.ParseInt(r.URL.Query().Get("to"), 10, 64)
		one := &window{from: from, to: to, over: make(chan struct{})}
		current.Store(one)
		_ = http.NewResponseController(w).Flush() // it counts from now on
		select {
		case <-one.over:
			fmt.Fprint(w, one.endedNs.Load()-one.beginNs.Load())
		case <-r.Context().Done():
		}
	})}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Println("http://" + listener.Addr().String())
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

func take(w http.ResponseWriter, r *http.Request, in *window) {
	if _, err := io.ReadAll(r.Body); err != nil {
		return
	}
	switch in.counted.Add(1) {
	case in.from:
		in.beginNs.Store(time.Now().UnixNano())
	case in.to:
		in.endedNs.Store(time.Now().UnixNano())
		close(in.over)
	}
	w.WriteHeader(http.StatusNoContent)
}
