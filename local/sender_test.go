package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// A house whose functions want to know who sends: what its sources send comes in,
// with their dead letters, and what anybody else sends does not.
func TestHouse_knows_its_senders(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, stateOf(t))
	o.Root = t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "functions", "shared"} {
		if err := os.Symlink(filepath.Join(root, name), filepath.Join(o.Root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(o.Root, "template.yaml"), []byte(shy), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}()

	for _, to := range []string{"adopt-talent", "keep-dead-letters", "relay-outbox"} {
		for _, token := range []string{"", tokenOf(t, h)} {
			if status, answer := knock(t, h.Functions()[to].URL, token); status != http.StatusUnauthorized || !strings.Contains(answer, "OIDC token of a Knative source") {
				t.Errorf("%s answers %d %s to the token %q", to, status, answer, token)
			}
		}
	}

	write(t, h, `{"type":"new_talent","talent_id":7,"title":"기타 레슨","category":"music"}`, `{"type":"new_talent","talent_id":8,"title":"기타 레슨","category":"Music!"}`)
	eventtest.Eventually(t, "dead letter 422 204, done 204, done 204", func() string {
		var fates []string
		for _, d := range h.History.After(0) {
			for _, a := range d.Attempts {
				d.Fate += fmt.Sprint(" ", a.Status)
			}
			fates = append(fates, d.Fate)
		}
		slices.Sort(fates)
		return strings.Join(fates, ", ")
	})

	eventtest.Eventually(t, "the clock came in", func() string {
		response, err := http.Get(h.Functions()["relay-outbox"].Metrics)
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), `code="204"`) {
			return "not yet"
		}
		return "the clock came in"
	})

	// One event by hand goes as a source of the function sends it.
	tick := []byte(`{"specversion":"1.0","id":"1","source":"/test","type":"dev.knative.sources.ping"}`)
	for _, name := range []string{"adopt-talent", "relay-outbox"} {
		var got harness.Invoked
		if err := post(t.Context(), h.Run, "/dev/invoke/"+name, http.Header{"Content-Type": {"application/cloudevents+json"}}, tick, &got); err != nil || got.Fate != "done" {
			t.Errorf("invoke %s: %+v, %v", name, got, err)
		}
	}
}

// shy is a house whose functions ask everybody.
const shy = `
version: 1
app: somssi
namespace: somssi
sender: {tokens: required}
globals:
  env: {DATABASE_URL: "${DATABASE_URL}", KAFKA_BROKERS: "${KAFKA_BROKERS}"}
  delivery: {retry: 2, backoffPolicy: linear, backoffDelay: 100ms, timeout: 30s, deadLetter: {function: keep-dead-letters}}
topics: {new_talent_events: {partitions: 2}}
functions:
  adopt-talent:
    publishes: [new_talent_events]
    triggers:
      plain: {kafka: {topics: [new_talent_events], group: talent_adoption, from: earliest, ordering: unordered}}
  relay-outbox:
    publishes: [new_talent_events]
    triggers:
      sweep: {cron: {schedule: "*/1 * * * * *"}}
  keep-dead-letters: {}
`

// tokenOf is the token of a person who signed in.
func tokenOf(t *testing.T, h *harness.Harness) string {
	t.Helper()
	response, err := http.Post(h.Run.URL+"/dev/token", "application/json", strings.NewReader(`{"user":42}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return strings.Split(string(body), `"`)[3]
}

// knock is the answer of a function to an event that comes to its own port.
func knock(t *testing.T, url, token string) (int, string) {
	t.Helper()
	event := `{"specversion":"1.0","id":"1","source":"/test","type":"test"}`
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(event))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/cloudevents+json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}
