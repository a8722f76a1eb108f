// Package telemetry is what a function tells of itself: spans by OpenTelemetry, metrics by Prometheus, and log lines
// under the names of Elastic's Common Schema. event.id joins them.
package telemetry

import (
	"cmp"
	"context"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/hlog"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

var named = sync.OnceFunc(func() {
	zerolog.TimestampFieldName, zerolog.TimeFieldFormat = "@timestamp", "2006-01-02T15:04:05.000Z07:00"
	zerolog.LevelFieldName, zerolog.ErrorFieldName = "log.level", "error.message"
})

// Logger writes a function's log to stdout, a JSON object a line.
func Logger(function string) zerolog.Logger {
	named()
	return zerolog.New(os.Stdout).With().Timestamp().Str("ecs.version", "8.17.0").Str("service.name", function).Logger()
}

// Registry is what a function exports.
var Registry = prometheus.NewRegistry()

// Metrics registers metrics with the label function; Go's and the process's own, once, too.
func Metrics(function string) prometheus.Registerer {
	to := prometheus.WrapRegistererWith(prometheus.Labels{"function": function}, Registry)
	_, _ = to.Register(collectors.NewGoCollector()), to.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return to
}

// Events counts deliveries by fate (done, dead_letter or again), from 0, and how old an event is when it is done.
func Events(to prometheus.Registerer) (count func(fate string, event time.Time)) {
	fates := promauto.With(to).NewCounterVec(prometheus.CounterOpts{Name: "somssi_events_total", Help: "Deliveries of events, by fate."}, []string{"fate"})
	age := promauto.With(to).NewHistogram(prometheus.HistogramOpts{Name: "somssi_event_age_seconds", Help: "From the time of an event until it was done.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600}})
	_, _, _ = fates.WithLabelValues("done"), fates.WithLabelValues("dead_letter"), fates.WithLabelValues("again")
	return func(fate string, event time.Time) {
		if fates.WithLabelValues(fate).Inc(); fate == "done" && !event.IsZero() {
			age.Observe(time.Since(event).Seconds())
		}
	}
}

// on is whether OpenTelemetry's own environment says where spans go.
func on() bool {
	return os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")+os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != ""
}

// Start has spans sent by OTLP over HTTP, as OpenTelemetry's own environment says: where to, how many, with what. Without an
// endpoint there are none. stop sends what has ended.
func Start(function string, log zerolog.Logger) (stop func(context.Context) error, err error) {
	if !on() {
		return func(context.Context) error { return nil }, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn().Err(err).Msg("spans are lost") }))
	build, _ := debug.ReadBuildInfo() // which each binary of a module has
	about := resource.NewSchemaless(attribute.String("service.name", function), attribute.String("service.version", build.Main.Version))
	exporter, err := otlptracehttp.New(context.Background())
	provider := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider.Shutdown, err
}

// Redis gives a client's commands spans, without their arguments, where spans go anywhere: each pipeline is written out for them.
func Redis(client *redis.Client, err error) (*redis.Client, error) {
	if err != nil || !on() {
		return client, err
	}
	return client, redisotel.InstrumentTracing(client, redisotel.WithDBStatement(false), redisotel.WithCallerEnabled(false), redisotel.WithDialFilter(true))
}

// Traceparent is W3C's of ctx's span, "" where there is none.
func Traceparent(ctx context.Context) string {
	to := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, to)
	return to["traceparent"]
}

// Continue is ctx in the span of a traceparent; ctx itself where that is none.
func Continue(ctx context.Context, traceparent string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent})
}

// Watch gives each request a log line, a time in somssi_request_seconds and a span: a child of the one that wrote the event
// in its headers, with a link to its sender's where that is of another trace; without an event, of its sender's.
func Watch(log zerolog.Logger, to prometheus.Registerer, next http.Handler) http.Handler {
	seconds := promauto.With(to).NewHistogramVec(prometheus.HistogramOpts{Name: "somssi_request_seconds", Help: "Time to answer, by status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20}}, []string{"code"})
	next = hlog.AccessHandler(func(r *http.Request, status, _ int, took time.Duration) {
		status = cmp.Or(status, http.StatusOK) // what an answer has that was never begun
		span := trace.SpanFromContext(r.Context())
		span.SetStatus(codes.Code(status/500), "") // unset, or an error
		span.SetName(cmp.Or(r.Pattern, r.Method))
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		line := zerolog.Ctx(r.Context()).WithLevel(zerolog.InfoLevel + zerolog.Level(status/400)) // or a warning
		line.Str("http.request.method", r.Method).Int("http.response.status_code", status).Int64("event.duration", took.Nanoseconds()).Send()
		seconds.WithLabelValues(strconv.Itoa(status)).Observe(took.Seconds())
	})(next)
	return hlog.NewHandler(log)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		kind, sender := trace.SpanKindServer, trace.LinkFromContext(ctx)
		if r.Header.Get("Ce-Id") != "" {
			kind, ctx = trace.SpanKindConsumer, Continue(ctx, r.Header.Get("Ce-Traceparent"))
		}
		ctx, span := otel.Tracer("somssi").Start(ctx, r.Method, trace.WithSpanKind(kind))
		defer span.End()
		of := span.SpanContext()
		if sender.SpanContext.TraceID() != of.TraceID() { // an invalid one is no link
			span.AddLink(sender)
		}
		if of.IsValid() {
			Note(ctx, "trace.id", of.TraceID().String(), "span.id", of.SpanID().String())
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	}))
}

// Event notes on the log line and the span of ctx's request which event it is about.
func Event(ctx context.Context, id, kind string) {
	Note(ctx, "event.id", id, "cloudevent.type", kind)
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("event.id", id), attribute.String("cloudevent.type", kind))
}

// Note adds fields, name by value, to the log line of ctx's request.
func Note(ctx context.Context, fields ...any) {
	zerolog.Ctx(ctx).UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Fields(fields) })
}
