package runner

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// RoundTrip sends a request whose host begins with a function's name, such as
// update-stats.somssi.svc.cluster.local, to that function. It waits for a
// function that is not ready, as Knative's activator does, and for a free place
// of its concurrency, as its queue proxy does; the request's own context bounds
// that, and where ten wait for each place it is answered 503 at once. The answer to a request that waited for a start has a
// "Server-Timing: cold;dur=<ms>", from its arrival until the function was ready.
func (r *Runner) RoundTrip(request *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(request.URL.Host, ".")
	f := r.functions[name]
	if f == nil {
		return nil, fmt.Errorf("no function %q", name)
	}
	p, cold, err := f.enter(request)
	if errors.Is(err, errQueueFull) {
		return refused(request, err), nil
	}
	if err != nil {
		return nil, err
	}
	sent, u := *request, *request.URL
	u.Host, sent.URL = p.address(), &u
	response, err := p.client.RoundTrip(&sent)
	f.answered(p)
	if err != nil {
		f.release(p)
		return nil, err
	}
	if cold > 0 {
		ms := fmt.Sprintf("cold;dur=%.1f", float64(cold)/float64(time.Millisecond))
		response.Header["Server-Timing"] = append([]string{ms}, response.Header["Server-Timing"]...) // before the function's own
	}
	response.Body = &held{response.Body, sync.OnceFunc(func() { f.release(p) })}
	return response, nil
}

// refused answers as Knative does, whose own answer has no Retry-After: it is for
// browsers here, a source does not look at it.
func refused(request *http.Request, why error) *http.Response {
	if request.Body != nil {
		_ = request.Body.Close()
	}
	text, status := why.Error()+"\n", http.StatusServiceUnavailable
	return &http.Response{
		Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "X-Content-Type-Options": {"nosniff"}, "Retry-After": {"1"}},
		Request: request, ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text)),
	}
}

// held ends a request when its answer was read.
type held struct {
	io.ReadCloser
	release func()
}

func (h *held) Close() error {
	defer h.release()
	return h.ReadCloser.Close()
}
