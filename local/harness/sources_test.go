package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/source"
	"somssi/local/template"
	"somssi/shared/eventtest"
)

// part is a piece of a house: a template's Kafka triggers on an embedded Kafka,
// whose functions are this test.
type part struct {
	*testing.T
	house   *Harness
	gateway *gateway
	kafka   *kgo.Client

	mu      sync.Mutex
	answers map[string]func() int // status by function; 204 where there is none
}

func (p *part) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	name, _, _ := strings.Cut(r.URL.Host, ".")
	p.mu.Lock()
	answer := p.answers[name]
	p.mu.Unlock()
	w := httptest.NewRecorder()
	w.WriteHeader(http.StatusNoContent)
	if answer != nil {
		w = httptest.NewRecorder()
		w.WriteHeader(answer())
	}
	return w.Result(), nil
}

func (p *part) answer(function string, status func() int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[function] = status
}

func startPart(t *testing.T, text string) *part {
	t.Helper()
	house, err := template.Parse("template.yaml", []byte(text), "")
	if err != nil {
		t.Fatal(err)
	}
	topics := []string{}
	for topic := range house.Topics {
		topics = append(topics, topic)
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	h := &Harness{History: &History{}, house: house, Run: Run{Env: map[string]string{"KAFKA_BROKERS": cluster.ListenAddrs()[0]}}}
	h.stopping, h.stop = context.WithCancel(context.Background())
	p := &part{T: t, house: h, gateway: newGateway(house, h), kafka: kafka, answers: map[string]func() int{}}
	for _, name := range house.Names() {
		for label := range house.Functions[name].Triggers {
			c, err := h.source(house, name, label, zerolog.Nop())
			if c.Transport = p; err == nil {
				err = h.startSource(t.Context(), name, label, c)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() {
		ended, cancel := context.WithCancel(context.Background())
		cancel() // what is in flight need not end
		h.stop()
		for _, one := range h.running() {
			_ = one.source.Stop(ended)
		}
	})
	return p
}

// write writes an event of that type; a type of "" is a plain message.
func (p *part) write(id, kind string) {
	p.Helper()
	r := &kgo.Record{Topic: "orders", Value: []byte(`{}`)}
	if kind != "" {
		for name, value := range map[string]string{"ce_specversion": "1.0", "ce_id": id, "ce_source": "/shop", "ce_type": kind} {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
	}
	if err := p.kafka.ProduceSync(p.Context(), r).FirstErr(); err != nil {
		p.Fatal(err)
	}
}

// ask asks the API and reads its answer into v.
func (p *part) ask(method, path string, v any) (status int, body string) {
	p.Helper()
	r := httptest.NewRequestWithContext(p.Context(), method, "http://localhost"+path, nil)
	w := httptest.NewRecorder()
	p.gateway.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
		p.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Code, w.Body.String()
}

// says is what why says of each trigger.
func (p *part) says(event string) string {
	p.Helper()
	r := httptest.NewRequestWithContext(p.Context(), http.MethodGet, "http://localhost/dev/why/"+strings.ReplaceAll(event, "/", "%2F"), nil)
	w := httptest.NewRecorder()
	p.gateway.ServeHTTP(w, r)
	var found []Why
	if json.Unmarshal(w.Body.Bytes(), &found) != nil || len(found) != 1 {
		return w.Body.String()
	}
	var all []string
	for _, one := range found[0].Triggers {
		all = append(all, one.Function+": "+one.Said)
	}
	return strings.Join(all, "\n")
}

const shop = `
version: 1
namespace: shop
topics: {orders: {}, others: {}}
functions:
  keep-dead: {}
  make-coffee:
    triggers:
      paid: {broker: {topic: orders, filter: {attributes: {type: order.paid}}, delivery: {retry: 1, backoffDelay: 100ms}}}
  count-orders:
    triggers:
      all: {kafka: {topics: [orders], group: counting, from: earliest, delivery: {retry: 2, backoffDelay: 100ms, backoffPolicy: linear, deadLetter: {function: keep-dead}}}}
  read-others:
    triggers:
      all: {kafka: {topics: [others], group: reading, from: earliest}}
`

func TestWhy_of_every_fate(t *testing.T) {
	p := startPart(t, shop)
	p.answer("make-coffee", func() int { return 503 })
	p.answer("count-orders", func() int { return 422 })
	p.write("placed-1", "order.placed")
	eventtest.Eventually(p, "count-orders: a dead letter, kept by keep-dead\n"+
		"keep-dead: has no trigger: events come to it as a dead letter sink only\n"+
		"make-coffee: filtered: exact type = \"order.paid\": got \"order.placed\"\n"+
		"read-others: does not read orders: it reads others", func() string { return p.says("placed") })
	p.write("paid-1", "order.paid")
	eventtest.Eventually(p, "make-coffee: LOST: it was not taken, and there is no dead letter sink", func() string {
		return strings.Split(p.says("paid-1")+"\n\n\n", "\n")[2]
	})
	p.write("", "")
	eventtest.Eventually(p, "count-orders: a dead letter, kept by keep-dead make-coffee: discarded: the record is no CloudEvent, and a Trigger takes nothing else", func() string {
		lines := strings.Split(p.says("orders/0@2")+"\n\n\n", "\n")
		return lines[0] + " " + lines[2]
	})
	p.house.History = &History{} // as if it was long ago
	was := "count-orders: nothing known: it stands at offset 3 already, and this is 0. It was done with before the history begins, or before the group began"
	for _, id := range []string{"placed-1", "orders/0@0"} {
		eventtest.Eventually(p, was, func() string { return strings.Split(p.says(id), "\n")[0] })
	}
	if got := p.says("nobody"); !strings.Contains(got, "nor by its whole id in the topics orders, others") {
		t.Errorf("unknown: %s", got)
	}
}

func TestEvents_of_a_filter(t *testing.T) {
	p := startPart(t, shop)
	p.write("placed-1", "order.placed")
	eventtest.Eventually(p, "2", func() string { return fmt.Sprint(len(p.house.History.After(0))) })
	var rows []Delivery
	p.ask("GET", "/dev/events?fate=filtered", &rows)
	if len(rows) != 1 || rows[0].Clause == "" || rows[0].Event != "placed-1" {
		t.Errorf("filtered: %+v", rows)
	}
}

// An ordered partition stands still behind an event that is held: why says so of
// those behind it, of which no delivery is known yet.
func TestWhy_of_what_waits_behind_another(t *testing.T) {
	p := startPart(t, shop)
	var now Source
	for range 2 {
		if status, _ := p.ask("POST", "/dev/sources/count-orders/all/pause", &now); status != 200 || !now.Paused {
			t.Fatalf("pause: %d %+v", status, now)
		}
	}
	p.write("first", "order.placed")
	p.write("second", "order.placed")
	eventtest.Eventually(p, "true [first held] 2", func() string {
		p.ask("POST", "/dev/sources/count-orders/all/break?on=failure", &now)
		text := fmt.Sprint(now.Paused)
		for _, f := range now.InFlight {
			text += fmt.Sprintf(" [%s %s]", f.Event, f.State)
		}
		return fmt.Sprint(text, " ", now.Lag)
	})
	line := func(event string) string { return strings.Split(p.says(event), "\n")[0] }
	eventtest.Eventually(p, "count-orders: not reached yet: this is offset 1, and event first at offset 0 comes first: held by the pause before attempt 1: step or resume",
		func() string { return line("second") })
	p.answer("count-orders", func() int { return 503 })
	var step Step
	if p.ask("POST", "/dev/sources/count-orders/all/step", &step); step.Let == nil || step.Let.Event != "first" || step.Now == nil || step.Now.State != "held" || len(step.Now.Attempts) != 1 {
		t.Errorf("%+v", step)
	}
	p.answer("count-orders", nil) // mended
	if p.ask("POST", "/dev/sources/count-orders/all/step", &step); step.Became == nil || step.Became.Fate != source.Done || len(step.Became.Attempts) != 2 {
		t.Errorf("%+v", step)
	}
	p.ask("POST", "/dev/sources/count-orders/all/resume", &now)
	eventtest.Eventually(p, "count-orders: done", func() string { return line("second") })
	step = Step{}
	if status, body := p.ask("POST", "/dev/sources/count-orders/all/step", &step); status != 409 || !strings.Contains(body, "not paused") {
		t.Errorf("step of what runs: %d %s", status, body)
	}
}

func TestStep_lets_the_one_through_that_is_held_longest(t *testing.T) {
	p := startPart(t, shop)
	var now Source
	for i, id := range []string{"first", "second", "third"} {
		p.ask("POST", "/dev/sources/make-coffee/paid/pause", &now)
		p.write(id, "order.paid")
		eventtest.Eventually(p, fmt.Sprint(i+1), func() string {
			p.ask("POST", "/dev/sources/make-coffee/paid/pause", &now)
			return fmt.Sprint(len(slices.DeleteFunc(now.InFlight, func(f Flight) bool { return f.State != source.Held })))
		})
	}
	for _, id := range []string{"first", "second", "third"} {
		var step Step
		if p.ask("POST", "/dev/sources/make-coffee/paid/step", &step); step.Let == nil || step.Let.Event != id || step.Became == nil || step.Became.Event != id {
			t.Errorf("%+v, want %s", step, id)
		}
	}
}

func TestReplay_moves_nothing_else(t *testing.T) {
	p := startPart(t, shop)
	for n := range 5 {
		p.write(fmt.Sprint("e", n), "order.placed")
	}
	eventtest.Eventually(p, "5", func() string {
		return fmt.Sprint(len(slices.DeleteFunc(p.house.History.After(0), func(d Delivery) bool { return d.Function != "count-orders" })))
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/dev/replay", strings.NewReader(`{"from":"1","until":"3","to":["count-orders"]}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.gateway.ServeHTTP(w, r)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	var last Progress
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || !last.Done || last.Fates[source.Done] != 2 {
		t.Errorf("%s (%v)", w.Body, err)
	}
	var replays []string
	for _, d := range p.house.History.After(0) {
		if d.Replay {
			replays = append(replays, d.Function+" "+d.Event)
		}
	}
	if got := strings.Join(replays, ", "); got != "count-orders e1, count-orders e2" {
		t.Errorf("replayed %s", got)
	}
}

// A harness that stops ends a replay, whose function may never answer again.
func TestReplay_ends_with_the_harness(t *testing.T) {
	p := startPart(t, shop)
	began := make(chan struct{})
	p.answer("make-coffee", func() int { return 503 })
	p.write("e", "order.paid")
	eventtest.Eventually(p, "make-coffee: LOST: it was not taken, and there is no dead letter sink", func() string { return strings.Split(p.says("e")+"\n\n\n", "\n")[2] })
	once := sync.OnceFunc(func() { close(began) })
	p.answer("make-coffee", func() int { once(); return 503 })
	c := p.house.named("make-coffee")[0]
	c.config.Delivery.Retry = 1000
	go func() { <-began; p.house.stop() }()
	var last Progress
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/dev/replay", strings.NewReader(`{"from":"beginning","to":["make-coffee/paid"]}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	p.gateway.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &last); err != nil {
		t.Error(w.Body, err)
	}
	if last.Error != "the harness is stopping" {
		t.Errorf("%+v", last)
	}
}
