package harness

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"somssi/local/template"
)

// answering is functions that answer with their name.
type answering struct{}

func (answering) RoundTrip(r *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(r.URL.Host, ".")
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(name + " " + r.URL.RequestURI() + " " + r.Host)), Request: r}, nil
}

func gatewayOf(t *testing.T) (*gateway, *Harness) {
	t.Helper()
	house, err := template.Parse("template.yaml", []byte(`
version: 1
functions:
  serve-web: {triggers: {web: {http: {path: /, methods: [GET]}}}}
  read-inbox: {triggers: {inbox: {http: {path: /inbox, methods: [GET, POST]}}}}
  stream-inbox: {triggers: {stream: {http: {path: /inbox/stream}}}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	h := &Harness{History: &History{}, house: house}
	return newGateway(house, h), h
}

func TestGateway(t *testing.T) {
	g, _ := gatewayOf(t)
	ask := func(request string) (int, string) {
		method, path, _ := strings.Cut(request, " ")
		r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:8080"+path, nil)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if status, body := ask("GET /inbox"); status != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
		t.Errorf("before the functions are there: %d %s, want 503", status, body)
	}
	g.open(answering{})
	for request, want := range map[string]string{
		"GET /":                     "serve-web / localhost:8080",
		"HEAD /":                    "serve-web / localhost:8080",
		"GET /app.js?v=1":           "serve-web /app.js?v=1 localhost:8080",
		"GET /inbox":                "read-inbox /inbox localhost:8080",
		"POST /inbox/7/read":        "read-inbox /inbox/7/read localhost:8080",
		"GET /inbox.js":             "serve-web /inbox.js localhost:8080", // not below /inbox
		"GET /inbox/stream":         "stream-inbox /inbox/stream localhost:8080",
		"DELETE /inbox/stream/deep": "stream-inbox /inbox/stream/deep localhost:8080",
		"GET /inbox/streams":        "read-inbox /inbox/streams localhost:8080",
	} {
		if status, body := ask(request); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %s, want %s", request, status, body, want)
		}
	}
	for request, want := range map[string]int{"DELETE /inbox": 405, "POST /": 405, "GET /dev/nothing": 404} {
		if status, body := ask(request); status != want {
			t.Errorf("%s: %d %s, want %d", request, status, body, want)
		}
	}
}

func TestLock_is_for_one(t *testing.T) {
	state := t.TempDir()
	release, err := lock(state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(state); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("second lock: %v, want an error that names the remedy", err)
	}
	release()
	again, err := lock(state)
	if err != nil {
		t.Fatal(err)
	}
	again()
	if _, err := Running(state); !errors.Is(err, ErrNotRunning) {
		t.Errorf("nothing runs: %v, want %v", err, ErrNotRunning)
	}
}
