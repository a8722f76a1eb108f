package shared

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"somssi/shared/telemetry"
)

// asProgram makes this test binary an event function.
const asProgram = "SOMSSI_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		Main("call-back", callBack)
		return
	}
	telemetry.Logger("") // names the fields, as Serve does
	os.Exit(m.Run())
}

// callBack is in flight until the address in its data has answered.
func callBack(ctx context.Context, in event.Event) error {
	if len(in.Data()) == 0 {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, string(in.Data()), nil)
	if err != nil {
		return Permanent(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// lines is a log that hands out one line after the other.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// next is the next line, which is written after the answer is sent.
func (l lines) next(t testing.TB) string {
	t.Helper()
	select {
	case line := <-l:
		return line
	case <-time.After(5 * time.Second):
		t.Fatal("no log line within 5 s")
		return ""
	}
}

// door is an event function behind a real server, and its log.
func door(t testing.TB, h Handler) (*httptest.Server, lines) {
	t.Helper()
	log := make(lines, 10000)
	server := httptest.NewUnstartedServer(guarded(zerolog.New(log).With().Str("service.name", "try-event").Logger(), prometheus.NewRegistry(), receiver(telemetry.Events(prometheus.NewRegistry()), h)))
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(server.Close)
	return server, log
}

func done(context.Context, event.Event) error { return nil }

// raw sends text over a connection of its own to address and is the answer, and
// whether something more than one answer came.
func raw(t testing.TB, address, text string) (status int, header http.Header, body string, more bool) {
	t.Helper()
	c, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	go func() { _, _ = io.WriteString(c, text) }() // the server may answer, and close, before it has read all
	in := bufio.NewReader(c)
	answer, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	content, _ := io.ReadAll(answer.Body)
	if answer.Close {
		answer.Header.Set("Connection", "close")
		_, err = in.Peek(1)
		more = err == nil
	}
	return answer.StatusCode, answer.Header, string(content), more
}

// request is the text of a POST, whose header lines are given.
func request(header []string, body string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), strings.Join(header, "\r\n"), body)
}

// attributes is the header of a good event with lines replaced, by name, or added.
// A name without a colon is taken away.
func attributes(change ...string) []string {
	header := []string{"ce-specversion: 1.0", "ce-id: e-1", "ce-source: /somssi/try", "ce-type: somssi.tried.v1"}
	for _, line := range change {
		name, _, isLine := strings.Cut(line, ":")
		for i, old := range header {
			if strings.HasPrefix(old, name+":") {
				header = append(header[:i:i], header[i+1:]...)
				break
			}
		}
		if isLine {
			header = append(header, line)
		}
	}
	return header
}

func wantGood(t testing.TB, address string) {
	t.Helper()
	began := time.Now()
	if status, _, body, _ := raw(t, address, request(attributes(), "")); status != http.StatusNoContent {
		t.Fatalf("the good request after it: %d %s", status, body)
	}
	if took := time.Since(began); took > time.Second {
		t.Fatalf("the good request after it took %v", took)
	}
}

// within fails the test where ok does not become true in limit.
func within(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func TestFates(t *testing.T) {
	t.Parallel()
	secret := "postgres://somssi:hunter2@db"
	for _, tc := range []struct {
		name   string
		handle func() error
		status int
		detail string // of the answer
	}{
		{"done", func() error { return nil }, 204, ""},
		{"permanent", func() error { return Permanent(errors.New("price is negative")) }, 422, "price is negative"},
		{"permanent_inside_another", func() error {
			return fmt.Errorf("keep %s: %w", secret, Permanent(errors.New("price is negative")))
		}, 422, "price is negative"},
		{"permanent_and_long", func() error { return Permanent(errors.New(strings.Repeat("솜", 5000))) }, 422, "솜"},
		{"permanent_and_all_escapes", func() error { return Permanent(errors.New(strings.Repeat("\x01", 5000))) }, 422, "\x01"},
		{"permanent_and_not_UTF-8", func() error { return Permanent(errors.New("key gr\xfc\xdfe is new")) }, 422, "is new"},
		{"a_field", func() error { return Invalid(Field{"priceKrw", "must be at least 0"}) }, 422, "the request breaks a rule"},
		{"not_found", func() error { return &Problem{Status: 404, Detail: "no such talent"} }, 422, "no such talent"},
		{"conflict", func() error { return &Problem{Status: 409, Detail: "no such version"} }, 422, "no such version"},
		{"too_many", func() error { return &Problem{Status: 429} }, 422, ""},
		{"no_status", func() error { return &Problem{Detail: "no status"} }, 422, "no status"},
		{"again", func() error { return errors.New("dial " + secret) }, 503, "try again"},
		{"out_of_time", func() error { return context.DeadlineExceeded }, 503, "try again"},
		{"panic", func() error { panic("at " + secret) }, 503, "try again"},
		{"panic_of_the_runtime", func() error { var m map[string]int; m["a"]++; return nil }, 503, "try again"},
		{"panic_of_the_server", func() error { panic(http.ErrAbortHandler) }, 503, "try again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server, log := door(t, func(_ context.Context, in event.Event) error {
				if in.ID() == "bad" {
					return tc.handle()
				}
				return nil
			})

			status, header, body, _ := raw(t, server.Listener.Addr().String(), request(attributes("ce-id: bad"), ""))

			if status != tc.status {
				t.Errorf("status %d, want %d", status, tc.status)
			}
			var p Problem
			if tc.status == 204 {
				p.Status = 204
			} else if err := json.Unmarshal([]byte(body), &p); err != nil || header.Get("Content-Type") != "application/problem+json" || header.Get("Cache-Control") != "no-store" {
				t.Errorf("%v: %s %q is no problem", err, header, body)
			}
			if p.Status != tc.status || !strings.Contains(p.Detail, tc.detail) {
				t.Errorf("the problem is %+v, want one that tells %q", p, tc.detail)
			}
			if tc.name == "a_field" && (len(p.Errors) != 1 || p.Errors[0] != Field{"priceKrw", "must be at least 0"}) {
				t.Errorf("the problem's fields are %v", p.Errors)
			}
			if got := header.Get("X-Content-Type-Options") + header.Get("Retry-After"); got != map[bool]string{false: "nosniff", true: "nosniff1"}[tc.status == 503] {
				t.Errorf("headers %v, want nosniff, and when to try again only where that may help", header)
			}
			if len(body) > 1024 || strings.Contains(body, "hunter2") {
				t.Errorf("an answer of %d bytes: %s", len(body), body)
			}
			if line := log.next(t); len(line) > 8<<10 || !strings.Contains(line, fmt.Sprintf(`"http.response.status_code":%d`, tc.status)) {
				t.Errorf("log line %.500s", line)
			}
			wantGood(t, server.Listener.Addr().String())
		})
	}
}

func TestFailLeavesTheProblemAlone(t *testing.T) {
	t.Parallel()
	long := &Problem{Status: 422, Detail: strings.Repeat("x", 500)}
	Fail(httptest.NewRecorder(), httptest.NewRequest("POST", "/", nil), long)
	if long.Title != "" || len(long.Detail) != 500 {
		t.Errorf("Fail wrote to a problem that other requests may be using: %+v", long)
	}
}

func TestLogLine(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	server, log := door(t, func(_ context.Context, in event.Event) error {
		if in.Subject() != "" {
			return errors.New("ask redis: refused")
		}
		return nil
	})
	secrets := []string{"Authorization: Bearer s3cret", "Cookie: session=s3cret", "ce-traceparent: " + trace, "Content-Type: application/json"}
	structured := []string{"Content-Type: application/cloudevents+json", "Authorization: Bearer s3cret"}
	for _, tc := range []struct {
		name, request string
		want          map[string]any
	}{
		{"done", request(attributes(secrets...), `{"title":"s3cret"}`),
			map[string]any{"log.level": "info", "service.name": "try-event", "event.id": "e-1", "cloudevent.type": "somssi.tried.v1", "trace.id": trace[3:35], "span.id": trace[36:52],
				"http.request.method": "POST", "http.response.status_code": 204.}},
		{"again", request(attributes(append(secrets, "ce-subject: talent/1")...), `{"title":"s3cret"}`),
			map[string]any{"log.level": "warn", "service.name": "try-event", "event.id": "e-1", "trace.id": trace[3:35], "http.response.status_code": 503., "error.message": "ask redis: refused"}},
		{"data_that_cannot_be_read", request(structured, `{"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"text/plain","data":{"title":"s3cret"}}`),
			map[string]any{"log.level": "warn", "service.name": "try-event", "http.response.status_code": 400.}},
		{"an_attribute_that_cannot_be_read", request(structured, `{"specversion":"s3cret","id":"1","source":"/s","type":"t"}`),
			map[string]any{"log.level": "warn", "http.response.status_code": 400.}},
	} {
		_, _, body, _ := raw(t, server.Listener.Addr().String(), tc.request)
		line := log.next(t)
		var got map[string]any
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		for name, want := range tc.want {
			if got[name] != want {
				t.Errorf("%s: %s is %v, want %v", tc.name, name, got[name], want)
			}
		}
		if _, ok := got["event.duration"].(float64); !ok || strings.Contains(line+body, "s3cret") || strings.Count(line, "\n") != 1 {
			t.Errorf("%s: log line %s, answer %s", tc.name, line, body)
		}
	}
}

// A dead letter as KafkaSource sends it is within the limits.
func TestDeadLetterPasses(t *testing.T) {
	t.Parallel()
	var got event.Event
	server, _ := door(t, func(_ context.Context, in event.Event) error {
		got = in
		return nil
	})
	for name, header := range map[string][]string{
		"of our own": attributes("ce-id: 0198c3f2-7b1e-7c5a-9d3e-2f1a4b5c6d7e", "ce-subject: talent/42", "ce-time: 2026-01-02T03:04:05.678Z", "Content-Type: application/json",
			"ce-dataschema: somssi:/schemas/somssi.talent.registered.v1.json", "ce-partitionkey: 42"),
		"of another producer": attributes("ce-id: partition:3/offset:9000000000", "ce-source: /apis/v1/namespaces/somssi/kafkasources/talents#new_talent_events", "ce-type: dev.knative.kafka.event",
			"ce-subject: partition:3#9000000000", "ce-time: 2023-11-14T22:13:20.12Z", "ce-key: gr\xfc\xdfe", "ce-partitionkey: gr\xfc\xdfe", "ce-kafkaheader: ", "ce-kafkaheaderxmyid: ??"),
	} {
		header = append(header, "User-Agent: Vert.x-WebClient/4.5.21", "Prefer: reply", "Kn-Namespace: somssi", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"ce-knativekafkapartition: 3", "ce-knativekafkaoffset: 9000000000", "ce-knativeerrordest: http://notify-interested.somssi.svc.cluster.local",
			"ce-knativeerrorcode: 422", "ce-knativeerrordata: "+strings.Repeat("QUJD", 342))
		status, _, body, _ := raw(t, server.Listener.Addr().String(), request(header, `{"talentId":42}`))
		if status != 204 || len(got.Extensions()["knativeerrordata"].(string)) != 1368 {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// The status tells a client that went away from one that sent too little.
func TestStalledBodyIsAskedForAgain(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(receiver(telemetry.Events(prometheus.NewRegistry()), done))
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	text := request(attributes(), "{}")
	if status, _, _, _ := raw(t, server.Listener.Addr().String(), text[:len(text)-1]); status != 503 {
		t.Errorf("a stalled body is answered %d, want 503", status)
	}
}

func TestBodyThatEndedEarly(t *testing.T) {
	t.Parallel()
	server, log := door(t, done)
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	text := request(attributes(), "{}")
	_, _ = io.WriteString(c, text[:len(text)-1])
	_ = c.(*net.TCPConn).CloseWrite()
	if line := log.next(t); !strings.Contains(line, `"http.response.status_code":400`) {
		t.Errorf("log line %.500s", line)
	}
}

func TestAbortedRequests(t *testing.T) { // not parallel: it counts goroutines
	server, _ := door(t, done)
	address := server.Listener.Addr().String()
	wantGood(t, address)
	before := runtime.NumGoroutine()
	whole := request(attributes("Content-Type: application/json"), `{"talentId":42}`)
	for i := range 2000 {
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, whole[:len(whole)-i%len(whole)])
		_ = c.(*net.TCPConn).SetLinger(0) // a reset, not an end
		_ = c.Close()
	}
	wantGood(t, address)
	within(t, 10*time.Second, "goroutines back to where they were", func() bool { return runtime.NumGoroutine() <= before+5 })
}

// program is a process of this binary as an event function, and the lines of its log.
type program struct {
	*exec.Cmd
	port, metrics string
	log           *bufio.Scanner
}

func start(t *testing.T, without string) program {
	t.Helper()
	p := program{Cmd: exec.Command(os.Args[0]), port: freePort(t), metrics: freePort(t)}
	for name, value := range map[string]string{asProgram: "1", "PORT": p.port, "METRICS_PORT": p.metrics, "GORACE": "halt_on_error=1"} {
		if name != without {
			p.Env = append(p.Env, name+"="+value)
		}
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stderr = os.Stderr
	p.log = bufio.NewScanner(out)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// until reads the log up to a line with text.
func (p program) until(t *testing.T, text string) string {
	t.Helper()
	late := time.AfterFunc(10*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	for p.log.Scan() {
		if strings.Contains(p.log.Text(), text) {
			return p.log.Text()
		}
	}
	t.Fatalf("no %q in the log of the program within 10 s", text)
	return ""
}

// code is the exit code, -1 where it had to be killed.
func (p program) code() int {
	late := time.AfterFunc(10*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	for p.log.Scan() { // Wait wants the pipe read to its end
	}
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

func TestServeFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	p := start(t, "")
	p.until(t, `"message":"ready"`)
	arrived, release := make(chan bool), make(chan bool)
	let := sync.OnceFunc(func() { close(release) })
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(func() { let(); slow.Close() })
	answer := make(chan int, 1)
	go func() {
		defer close(answer) // also where raw ends the test
		status, _, _, _ := raw(t, "127.0.0.1:"+p.port, request(attributes("Content-Type: text/plain"), slow.URL))
		answer <- status
	}()
	select {
	case <-arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("the request did not arrive within 10 s")
	}
	if got := get(t, p.metrics, "/readyz"); got != "200 " {
		t.Errorf("/readyz answers %s", got)
	}

	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	within(t, 5*time.Second, "not ready, and closed to new requests", func() bool {
		return !reachable(p.metrics) && !reachable(p.port)
	})
	let()
	if status := <-answer; status != 204 {
		t.Errorf("the request in flight is answered %d", status)
	}
	p.until(t, `"message":"stopped"`)
	if code := p.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func reachable(port string) bool {
	c, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func get(t *testing.T, port, path string) string {
	t.Helper()
	r, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://127.0.0.1:" + port + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprint(r.StatusCode, " ", string(body))
}

func TestServeNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"PORT", "METRICS_PORT"} {
		p := start(t, name)
		p.until(t, "environment variable "+name+" is not set")
		if code := p.code(); code != 1 {
			t.Errorf("without %s: exit code %d", name, code)
		}
	}
}

func TestServeStopsWhereAPortIsTaken(t *testing.T) {
	t.Parallel()
	p := start(t, "METRICS_PORT")
	p.until(t, "METRICS_PORT")
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	second := exec.Command(os.Args[0])
	second.Env = []string{asProgram + "=1", "PORT=" + port, "METRICS_PORT=" + freePort(t)}
	out, _ := second.Output()
	if code := second.ProcessState.ExitCode(); code != 1 || !bytes.Contains(out, []byte("address already in use")) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// What the server itself holds to, with the limits that functions run under.
func TestServeLimits(t *testing.T) {
	t.Parallel()
	p := start(t, "")
	p.until(t, `"message":"ready"`)
	address := "127.0.0.1:" + p.port
	for _, tc := range []struct {
		name, request string
		status        int
	}{
		{"header_of_65_KiB", request(attributes("X-Pad: "+strings.Repeat("x", 65<<10)), ""), 431},
		{"header_of_60_KiB", request(attributes("X-Pad: "+strings.Repeat("x", 60<<10)), ""), 204},
		{"body_of_64_KiB_and_1", request(attributes(), strings.Repeat("x", 64<<10+1)), 413},
		{"body_of_64_KiB_of_spaces_and_an_address", request(attributes(), strings.Repeat("x", 64<<10)), 422},
	} {
		if tc.status == 422 { // not an address, which callBack gives up on: it was read
			tc.request = strings.Replace(tc.request, "xxxx", "\x01xxx", 1)
		}
		if status, _, body, _ := raw(t, address, tc.request); status != tc.status {
			t.Errorf("%s: %d %s, want %d", tc.name, status, body, tc.status)
		}
	}
	slow, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: h\r\nX-Slow: ")
	_ = slow.SetReadDeadline(time.Now().Add(6 * time.Second))
	if _, err := slow.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a header that does not come to its end: %v, want the connection closed", err)
	}
	wantGood(t, address)
	metrics := get(t, p.metrics, "/metrics")
	for _, want := range []string{`somssi_request_seconds_count{code="204",function="call-back"}`, `somssi_request_seconds_count{code="413",function="call-back"} 1`,
		`somssi_events_total{fate="done",function="call-back"}`, `somssi_events_total{fate="dead_letter",function="call-back"} 2`,
		`somssi_events_total{fate="again",function="call-back"} 0`, `somssi_event_age_seconds_count{function="call-back"} 0`, `go_goroutines{function="call-back"}`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics has no %s:\n%s", want, metrics)
		}
	}
	if status, _, _, _ := raw(t, address, "GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); status == 200 {
		t.Error("the metrics are on the public port")
	}
}

// Browsers' requests on behalf of another site change nothing, and none is echoed.
func TestCrossSite(t *testing.T) {
	t.Parallel()
	routes := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { WriteJSON(w, 200, "changed") })
	server := httptest.NewServer(guarded(zerolog.Nop(), prometheus.NewRegistry(), routes))
	t.Cleanup(server.Close)
	for _, tc := range []struct {
		method, header, value string
		status                int
	}{
		{"POST", "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "Sec-Fetch-Site", "same-site", 403},
		{"PUT", "Sec-Fetch-Site", "cross-site", 403},
		{"PATCH", "Sec-Fetch-Site", "cross-site", 403},
		{"DELETE", "Sec-Fetch-Site", "cross-site", 403},
		{"POST", "Origin", "https://evil.example", 403},
		{"POST", "Origin", "null", 403},
		{"POST", "Origin", server.URL + ".evil.example", 403},
		{"POST", "Origin", server.URL, 200},
		{"POST", "Sec-Fetch-Site", "same-origin", 200},
		{"POST", "Sec-Fetch-Site", "none", 200},
		{"POST", "User-Agent", "a program", 200},
		{"GET", "Sec-Fetch-Site", "cross-site", 200},
		{"TRACE", "User-Agent", "a program", 405},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(tc.header, tc.value)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != tc.status {
			t.Errorf("%s with %s: %s is answered %d, want %d", tc.method, tc.header, tc.value, answer.StatusCode, tc.status)
		}
	}
}
