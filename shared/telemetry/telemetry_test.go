package telemetry_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"somssi/shared/connect"
	"somssi/shared/telemetry"
)

const (
	writer = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" // of an event
	sender = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" // of its request
)

// collect has the spans of the function "f" sent to a collector; after stop they are what it got.
func collect(t *testing.T) (stop func() []*otlp.Span) {
	t.Helper()
	var mu sync.Mutex
	var spans []*otlp.Span
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		in := new(collector.ExportTraceServiceRequest)
		if err = errors.Join(err, proto.Unmarshal(body, in)); err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("spans sent to %s: %v", r.URL, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, of := range in.GetResourceSpans() {
			if got := fmt.Sprint(of.GetResource().GetAttributes()); !strings.Contains(got, `"service.name"`) || !strings.Contains(got, `"f"`) {
				t.Errorf("spans of %s", got)
			}
			for _, scope := range of.GetScopeSpans() {
				spans = append(spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })
	flush, err := telemetry.Start("f", telemetry.Logger("f").Output(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	return func() []*otlp.Span {
		if err := flush(t.Context()); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		return spans
	}
}

// ask sends a request with header lines to next, which is watched, and is the log of it.
func ask(t *testing.T, to prometheus.Registerer, next http.HandlerFunc, header ...string) string {
	t.Helper()
	var log bytes.Buffer
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	telemetry.Watch(telemetry.Logger("f").Output(&log), to, next).ServeHTTP(httptest.NewRecorder(), r)
	return log.String()
}

func nothing(http.ResponseWriter, *http.Request) {}

// The event's trace goes on, not its sender's, which is linked; without an event, or a link, the sender's.
func TestWatch_traces(t *testing.T) {
	for _, tc := range []struct {
		name, trace, parent, link string
		kind                      otlp.Span_SpanKind
		header                    []string
	}{
		{"event", writer[3:35], writer[36:52], sender[3:35], otlp.Span_SPAN_KIND_CONSUMER, []string{"Ce-Id", "e", "Ce-Traceparent", writer, "Traceparent", sender}},
		{"event_and_its_sender_in_one_trace", writer[3:35], writer[36:52], "", otlp.Span_SPAN_KIND_CONSUMER,
			[]string{"Ce-Id", "e", "Ce-Traceparent", writer, "Traceparent", writer[:36] + sender[36:]}},
		{"event_of_nobody_who_traces", sender[3:35], sender[36:52], "", otlp.Span_SPAN_KIND_CONSUMER, []string{"Ce-Id", "e", "Traceparent", sender}},
		{"request", sender[3:35], sender[36:52], "", otlp.Span_SPAN_KIND_SERVER, []string{"Traceparent", sender, "Ce-Traceparent", writer}},
		{"request_of_nobody_who_traces", "", "", "", otlp.Span_SPAN_KIND_SERVER, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			stop := collect(t)
			log := ask(t, prometheus.NewRegistry(), nothing, tc.header...)
			spans := stop() // which were to wait for 5 s
			if len(spans) != 1 {
				t.Fatalf("%d spans: %v", len(spans), spans)
			}
			s, link := spans[0], ""
			for _, l := range s.GetLinks() {
				link += hex.EncodeToString(l.GetTraceId())
			}
			trace := hex.EncodeToString(s.GetTraceId())
			if trace != tc.trace && tc.trace != "" || hex.EncodeToString(s.GetParentSpanId()) != tc.parent || link != tc.link || s.GetKind() != tc.kind {
				t.Errorf("%v", s)
			}
			if !strings.Contains(log, fmt.Sprintf(`"trace.id":%q,"span.id":"%x"`, trace, s.GetSpanId())) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// What is no traceparent is none: no panic, no link, no trace of somebody's choosing that nothing else could read.
func TestHostileTraceparents(t *testing.T) {
	bad := []string{
		"", "-", "---", "00", writer[:54], writer + "0", writer + strings.Repeat("-00", 1<<12), strings.Repeat("0", 1<<16), strings.ToUpper(writer),
		"ff" + writer[2:], "0g" + writer[2:], strings.ReplaceAll(writer, "-", "_"), strings.Replace(writer, "a", "g", 1), writer[:53] + "zz",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		" " + writer, writer + "\x00", "\xff" + writer[1:], writer + "," + sender, "{{7*7}}", "00-" + strings.Repeat("٣", 16) + writer[35:],
	}
	stop := collect(t)
	for _, text := range bad {
		if got := telemetry.Traceparent(telemetry.Continue(t.Context(), text)); got != "" {
			t.Errorf("%.80q goes on as %s", text, got)
		}
	}
	watched := telemetry.Watch(telemetry.Logger("f").Output(io.Discard), prometheus.NewRegistry(), http.HandlerFunc(nothing))
	for _, text := range bad {
		for _, header := range []http.Header{
			{"Ce-Id": {"e"}, "Ce-Traceparent": {text}, "Traceparent": {text}}, {"Traceparent": {text}}, {"Ce-Id": {"e"}, "Ce-Traceparent": {text, writer}, "Traceparent": {text, sender}},
			{"Traceparent": {text}, "Tracestate": {text, strings.Repeat("a=b,", 1000)}},
		} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
			r.Header = header
			watched.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	spans := stop()
	if len(spans) != 4*len(bad) {
		t.Errorf("%d spans of %d requests", len(spans), 4*len(bad))
	}
	traces := map[string]bool{}
	for _, s := range spans {
		traces[string(s.GetTraceId())] = true
		if len(s.GetParentSpanId()) != 0 || len(s.GetLinks()) != 0 || s.GetTraceState() != "" {
			t.Errorf("%v", s)
		}
	}
	if len(traces) != len(spans) {
		t.Errorf("%d spans share %d traces", len(spans), len(traces))
	}
}

func TestContinue(t *testing.T) {
	if got := telemetry.Traceparent(t.Context()); got != "" {
		t.Errorf("traceparent of no span: %s", got)
	}
	for _, text := range []string{writer, strings.TrimSuffix(sender, "1") + "0"} {
		if got := telemetry.Traceparent(telemetry.Continue(t.Context(), text)); got != text {
			t.Errorf("%s goes on as %s", text, got)
		}
	}
	ctx := telemetry.Continue(t.Context(), writer)
	if got := telemetry.Traceparent(telemetry.Continue(ctx, "none")); got != writer {
		t.Errorf("what is no traceparent leaves %s", got)
	}
}

// Without an endpoint nothing is exported and no span made; a trace that somebody else began is still handed on and logged.
func TestStart_without_an_endpoint(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	before := otel.GetTracerProvider()
	stop, err := telemetry.Start("f", telemetry.Logger("f").Output(io.Discard))
	if err != nil || otel.GetTracerProvider() != before || stop(t.Context()) != nil {
		t.Errorf("started %T: %v", otel.GetTracerProvider(), err)
	}
	handed := "?"
	hand := func(_ http.ResponseWriter, r *http.Request) { handed = telemetry.Traceparent(r.Context()) }
	if log := ask(t, prometheus.NewRegistry(), hand); handed != "" || strings.Contains(log, "trace.id") {
		t.Errorf("a trace %q of nobody's: %s", handed, log)
	}
	if log := ask(t, prometheus.NewRegistry(), hand, "Traceparent", sender); handed != sender || !strings.Contains(log, `"trace.id":"`+sender[3:35]) {
		t.Errorf("handed on as %q: %s", handed, log)
	}
}

// A collector that is away costs spans and a line that says so, no request.
func TestStart_without_a_collector(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Cleanup(func() { otel.SetTracerProvider(noop.NewTracerProvider()) })
	var said bytes.Buffer
	stop, err := telemetry.Start("f", telemetry.Logger("f").Output(&said))
	if err != nil {
		t.Fatal(err)
	}
	if log := ask(t, prometheus.NewRegistry(), nothing); !strings.Contains(log, `"http.response.status_code":200`) {
		t.Errorf("logged %s", log)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_ = stop(ctx)
	if !strings.Contains(said.String(), "spans are lost") {
		t.Errorf("said %q", said.String())
	}
}

// Neither spans nor log lines have what statements, commands and headers carry.
func TestSecrets(t *testing.T) {
	const canary = "hunter2canary"
	stop := collect(t)
	db, err := connect.SQL("sqlite://" + t.TempDir() + "/test.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `CREATE TABLE kept (word TEXT UNIQUE)`); err != nil {
		t.Fatal(err)
	}
	part := miniredis.RunT(t)
	part.RequireUserAuth("somssi", canary)
	rdb, err := telemetry.Redis(connect.Redis("redis://somssi:" + canary + "@" + part.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer rdb.Close()
	log := ask(t, prometheus.NewRegistry(), func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		_, kept := db.ExecContext(ctx, `INSERT INTO kept (word) VALUES ($1)`, canary)
		_, twice := db.ExecContext(ctx, `INSERT INTO kept (word) VALUES ('`+canary+`')`)
		var word string
		read := db.QueryRowContext(ctx, `SELECT word FROM kept WHERE word = '`+canary+`'`).Scan(&word)
		set := rdb.Set(ctx, "key:"+canary, canary, 0).Err()
		pipe := rdb.Pipeline()
		pipe.Get(ctx, "key:"+canary)
		pipe.Eval(ctx, "return ARGV[1]", []string{canary}, canary)
		_, piped := pipe.Exec(ctx)
		wrong := rdb.LPush(ctx, "key:"+canary, canary).Err()
		if kept != nil || twice == nil || read != nil || word != canary || set != nil || piped != nil || wrong == nil {
			t.Errorf("%v, %v, %v, %v, %v, %v", kept, twice, read, set, piped, wrong)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}, "Authorization", "Bearer "+canary, "Cookie", "session="+canary, "Traceparent", sender, "Baggage", "k="+canary, "User-Agent", canary)
	spans := stop()
	var names []string
	for _, s := range spans {
		names = append(names, s.GetName())
		if strings.Contains(s.String(), canary) {
			t.Errorf("a span tells: %v", s)
		}
	}
	for _, want := range []string{"POST", "sql.conn.exec INSERT kept", "sql.conn.query SELECT kept", "set", "redis.pipeline get eval", "lpush"} {
		if !slices.Contains(names, want) {
			t.Errorf("no span %q in %q", want, names)
		}
	}
	if strings.Contains(log, canary) || log == "" {
		t.Errorf("logged %s", log)
	}
}

// A span has the event's id, by which the log and why are joined, and what was answered.
func TestSpan_tells_of_its_event(t *testing.T) {
	stop := collect(t)
	ask(t, prometheus.NewRegistry(), func(w http.ResponseWriter, r *http.Request) {
		telemetry.Event(r.Context(), "e-1", "somssi.tried.v1")
		w.WriteHeader(http.StatusServiceUnavailable)
	}, "Ce-Id", "e-1")
	spans := stop()
	if len(spans) != 1 || spans[0].GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR {
		t.Fatalf("%v", spans)
	}
	var got []string
	for _, a := range spans[0].GetAttributes() {
		got = append(got, fmt.Sprintf("%s=%s%d", a.GetKey(), a.GetValue().GetStringValue(), a.GetValue().GetIntValue()))
	}
	if want := []string{"event.id=e-10", "cloudevent.type=somssi.tried.v10", "http.response.status_code=503"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
