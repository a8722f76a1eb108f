package source

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// onTheWire is a source that sends over the real network, and needs no Kafka
// for it: records are handed to deliver.
func onTheWire(t *testing.T, c Config) *Source {
	t.Helper()
	c.Transport = nil
	s, err := newSource(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.transport.(*http.Transport).CloseIdleConnections)
	return s
}

func TestRequest(t *testing.T) {
	t.Parallel()
	var all256 []byte
	for i := range 256 {
		all256 = append(all256, byte(i))
	}
	for name, tc := range map[string]struct {
		path, uri string
		body      []byte
	}{
		"W01_path_and_query": {path: "/a%2Fb/?x=1&y=%20", uri: "/a%2Fb/?x=1&y=%20", body: []byte("x")},
		"W01_no_path":        {path: "", uri: "/", body: []byte("x")},
		"W04_long_body":      {path: "/", uri: "/", body: bytes.Repeat([]byte("0123456789abcdef"), 2304)},
		"W04_very_long_body": {path: "/", uri: "/", body: bytes.Repeat([]byte("0123456789"), 90<<10)},
		"W07_any_bytes":      {path: "/", uri: "/", body: all256},
		"R09_no_body":        {path: "/", uri: "/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got *http.Request
			var body []byte
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
			}))
			defer server.Close()
			c := testConfig(nil)
			c.Sink = server.URL + tc.path
			s := onTheWire(t, c)
			if !s.deliver(&kgo.Record{Value: tc.body}) {
				t.Fatal("not delivered")
			}
			if got.Method != "POST" || got.Proto != "HTTP/1.1" || got.RequestURI != tc.uri || got.Host != s.sink.request.Host {
				t.Errorf("%s %s %s at %s", got.Method, got.RequestURI, got.Proto, got.Host)
			}
			if !bytes.Equal(body, tc.body) || got.ContentLength != int64(len(tc.body)) {
				t.Errorf("%d bytes, announced %d, want %d", len(body), got.ContentLength, len(tc.body))
			}
			if got.Header.Get("Accept-Encoding") != "" || got.Header.Get("Content-Type") != "" {
				t.Errorf("headers that no KafkaSource sends: %v", got.Header)
			}
		})
	}
}

// TestRawRequest is W02, W03, W09 and the spelling of the headers, which an
// http.Server does not show.
func TestRawRequest(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	lines := make(chan []string, 1)
	go func() {
		connection, err := listener.Accept() // once: the second event must come over the same one
		if err != nil {
			return
		}
		defer connection.Close()
		in := bufio.NewReader(connection)
		for range 2 {
			var seen []string
			for line := ""; line != "\r\n"; {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				seen = append(seen, strings.TrimSpace(line))
			}
			lines <- seen
			io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}()
	c := testConfig(nil)
	c.Sink = "http://" + listener.Addr().String() + "/x"
	c.Delivery.Timeout = 10 * time.Second // for a second connection, which nobody accepts
	s := onTheWire(t, c)
	for range 2 {
		s.deliver(&kgo.Record{Headers: binaryEvent("content-type", "text/x", "ce_ext", "grüße 솜씨")})
		var got []string
		select {
		case got = <-lines:
		default: // they are there before the answer is
			t.Fatal("not delivered over the first connection")
		}
		for _, want := range []string{
			"POST /x HTTP/1.1", "Prefer: reply", "Kn-Namespace: shop", "ce-specversion: 1.0", "ce-id: i", "ce-source: /s",
			"ce-type: y", "content-type: text/x", "ce-ext: gr\xfc\xdfe ??", "ce-knativekafkaoffset: 0",
		} {
			if !slices.Contains(got, want) {
				t.Errorf("no line %q in %q", want, got)
			}
		}
	}
}

// TestRedirect is W10.
func TestRedirect(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		hits := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			hits++
			http.Redirect(w, r, "/other", status)
		}))
		c := testConfig(nil)
		c.Sink, c.Delivery.Retry = server.URL, 3
		if got := onTheWire(t, c).post(context.Background(), mustSink(t, server.URL), http.Header{}, nil); got.accepted() || got.worthRetrying() {
			t.Errorf("%d is taken for %+v", status, got)
		}
		if hits != 1 {
			t.Errorf("%d requests for %d", hits, status)
		}
		server.Close()
	}
}

func mustSink(t *testing.T, url string) *sink {
	t.Helper()
	s, err := newSink(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTrace is W08.
func TestTrace(t *testing.T) {
	t.Parallel()
	const traceID, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	baggage := kgo.RecordHeader{Key: "baggage", Value: []byte("k=v")}
	for name, tc := range map[string]struct {
		headers []kgo.RecordHeader // and a baggage
		want    string             // of the traceparent, with SPAN for the new span; "" for none
		state   string
	}{
		"W08_same_trace":    {h("traceparent", "00-"+traceID+"-"+span+"-01"), "00-" + traceID + "-SPAN-01", ""},
		"W08_not_sampled":   {h("TraceParent", "00-"+traceID+"-"+span+"-00", "tracestate", "a=b"), "00-" + traceID + "-SPAN-00", "a=b"},
		"none":              {nil, "", ""},
		"invalid":           {h("traceparent", "00-"+traceID+"-"+span), "", ""},
		"zero":              {h("traceparent", "00-00000000000000000000000000000000-"+span+"-01", "tracestate", "a=b"), "", ""},
		"of_the_event_only": {binaryEvent("ce_traceparent", "00-"+traceID+"-"+span+"-01"), "", ""},
		"null":              {[]kgo.RecordHeader{{Key: "traceparent"}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := http.Header{}
			continueTrace(&kgo.Record{Headers: append(tc.headers, baggage)}, got)
			parent := strings.Join(got["traceparent"], "")
			if parts := strings.Split(parent, "-"); len(parts) == 4 {
				if len(parts[2]) != 16 || parts[2] == span {
					t.Errorf("the new span is %s", parts[2])
				}
				parts[2] = "SPAN"
				parent = strings.Join(parts, "-")
			}
			if state := strings.Join(got["tracestate"], ""); parent != tc.want || state != tc.state {
				t.Errorf("traceparent %q, tracestate %q, want %q, %q", parent, state, tc.want, tc.state)
			}
			if carried := strings.Join(got["baggage"], ""); (carried == "k=v") != (tc.want != "") {
				t.Errorf("baggage %q", carried)
			}
		})
	}
}
