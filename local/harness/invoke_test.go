package harness

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"somssi/local/runner"
	"somssi/local/source"
	"somssi/local/template"
)

func TestNext(t *testing.T) {
	policy := source.Delivery{Retry: 3, Exponential: true, Delay: time.Second}
	for _, tc := range []struct {
		fate    string
		policy  source.Delivery
		trigger string
		want    string
	}{
		{source.Done, policy, "a", "the event is done"},
		{source.Again, policy, "a", "it would be tried again after 2s, up to 3 times, then go to the dead letter sink"},
		{source.Again, source.Delivery{}, "a", "it would go to the dead letter sink: retry is 0"},
		{source.DeadLetter, policy, "a", "it would go to the dead letter sink at once"},
		{source.Again, policy, "", "no Kafka trigger sends to this function: whoever does decides"},
	} {
		if got := next(tc.fate, &trigger{Name: tc.trigger, config: source.Config{Delivery: tc.policy}}); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.fate, got, tc.want)
		}
	}
}

// profiles is a house with a function of each profile.
func profiles(t *testing.T) *template.Template {
	t.Helper()
	house, err := template.Parse("template.yaml", []byte(`
version: 1
app: a
namespace: ns
topics: {t: {partitions: 1}, u: {partitions: 1}}
functions:
  by-source: {triggers: {b: {kafka: {topics: [t], group: g, from: earliest}}}}
  by-broker: {triggers: {b: {broker: {topic: u}}}}
  by-http: {triggers: {b: {http: {path: /}}}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	return house
}

// An event is made as the first source of the function would, by its profile.
func TestReceived(t *testing.T) {
	house := profiles(t)
	for function, want := range map[string]string{
		"by-source": "/apis/v1/namespaces/ns/kafkasources/by-source-b#t", "by-broker": "", "by-http": "/apis/v1/namespaces/ns/kafkasources/by-http#none",
	} {
		of, err := triggerOf(house, function, []string{"localhost:9092"})
		c := of.config
		if err != nil || (of.Name == "b") != (function != "by-http") || c.Sink != "http://"+function+".ns.svc.cluster.local" {
			t.Errorf("%s: %+v %v", function, c, err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?key=k", nil)
		e, ok := received(c, r, []byte("plain"))
		if ok != (want != "") || e.Attributes["source"] != want || ok && (e.Attributes["key"] != "k" || !e.Wrapped) {
			t.Errorf("%s, plain: %+v %v", function, e, ok)
		}
		r.Header.Set("Content-Type", "application/cloudevents+json")
		e, ok = received(c, r, []byte(`{"specversion":"1.0","id":"a","source":"/s","type":"t","data":{"b":1}}`))
		if !ok || e.Wrapped || e.Attributes["id"] != "a" || string(e.Data) != `{"b":1}` {
			t.Errorf("%s, an event: %+v %v", function, e, ok)
		}
	}
}

func TestPostInvoke_sends_nothing(t *testing.T) {
	mux := http.NewServeMux()
	h := &Harness{house: profiles(t), Run: Run{Env: map[string]string{"KAFKA_BROKERS": "localhost:9092"}}}
	h.routes(mux)
	post := func(path string, body io.Reader) string {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, body))
		return fmt.Sprint(w.Code, " ", w.Body.String())
	}
	ask := func(path string) string { return post(path, strings.NewReader("plain")) }
	if got := ask("/dev/invoke/by-broker"); !strings.HasPrefix(got, "503 ") || !strings.Contains(got, "starting") {
		t.Errorf("before the functions are there: %s", got)
	}
	h.functions = &runner.Runner{}
	for path, want := range map[string]string{
		"/dev/invoke/by-broker":  `"fate":"discarded"`,
		"/dev/invoke/by-nobody":  `no function \"by-nobody\": there are by-broker, by-http, by-source`,
		"/dev/redrive/by-nobody": `no function \"by-nobody\"`,
		"/dev/redrive/by-http":   "no dead letter in JSON",
	} {
		if got := ask(path); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for _, path := range []string{"/dev/invoke/by-http", "/dev/redrive/by-http"} {
		if got := post(path, strings.NewReader(strings.Repeat(" ", mostInvoked+1))); !strings.HasPrefix(got, "413 ") {
			t.Errorf("%s with too much: %s", path, got)
		}
		if got := post(path, iotest.ErrReader(io.ErrUnexpectedEOF)); !strings.HasPrefix(got, "400 ") {
			t.Errorf("%s with a body that ends early: %s", path, got)
		}
	}
}
