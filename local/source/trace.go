package source

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceHeaders are all that a trace may put on a request.
var traceHeaders = [...]string{"traceparent", "tracestate", "baggage"}

// continueTrace puts the trace of a record on its request, with a span of its
// own. A record without a valid traceparent gives none.
func continueTrace(r *kgo.Record, h http.Header) {
	carried := propagation.MapCarrier{}
	for _, header := range r.Headers {
		for _, name := range traceHeaders {
			if header.Value != nil && strings.EqualFold(header.Key, name) {
				carried[name] = string(header.Value)
			}
		}
	}
	if carried["traceparent"] == "" {
		return
	}
	var parent propagation.TraceContext
	ctx := parent.Extract(context.Background(), carried)
	span := trace.SpanContextFromContext(ctx)
	if !span.IsValid() {
		return
	}
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], rand.Uint64()|1) // |1: zero is no span
	out := propagation.MapCarrier{}
	parent.Inject(trace.ContextWithSpanContext(ctx, span.WithSpanID(id)), out)
	propagation.Baggage{}.Inject(propagation.Baggage{}.Extract(ctx, carried), out)
	for name, value := range out {
		h[name] = []string{value}
	}
}

// traceOf is the traceparent of a record's own headers, valid or not.
func traceOf(r *kgo.Record) string {
	for _, h := range r.Headers {
		if strings.EqualFold(h.Key, "traceparent") {
			return string(h.Value)
		}
	}
	return ""
}

// sameTrace lets the dead letter continue the trace as its event did.
func sameTrace(to, from http.Header) {
	for _, name := range traceHeaders {
		if values, ok := from[name]; ok {
			to[name] = values
		}
	}
}
