package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// asked runs a command against the common house and reads its answer as JSON.
func asked(t *testing.T, v any, args ...string) (code int, said string) {
	t.Helper()
	code, out, said := local(t, ".", append(args, "-o", "json", "--state", common.state)...)
	if err := json.Unmarshal([]byte(out), v); err != nil {
		t.Fatalf("%v: %d %s %s (%v)", args, code, out, said, err)
	}
	return code, said
}

// sendPlain sends a plain message and returns its place and the id that it is wrapped under.
func sendPlain(t *testing.T, message string) (place, id string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "message.json")
	if err := os.WriteFile(file, []byte(message), 0o600); err != nil {
		t.Fatal(err)
	}
	var at struct{ Partition, Offset int }
	asked(t, &at, "send", "new_talent_events", file)
	return fmt.Sprintf("new_talent_events/%d@%d", at.Partition, at.Offset), fmt.Sprintf("partition:%d/offset:%d", at.Partition, at.Offset)
}

// fatesOf is what became of an event, by function.
func fatesOf(t *testing.T, event string) string {
	t.Helper()
	var rows []harness.Delivery
	asked(t, &rows, "events", "--event", event)
	got := map[string]string{}
	for _, d := range rows {
		if d.Event == event {
			got[d.Function] = d.Fate
		}
	}
	return fmt.Sprint(got)
}

// quiet waits until every source has delivered all there is.
func quiet(t *testing.T) {
	t.Helper()
	eventtest.Eventually(t, "0", func() string {
		var all []harness.Source
		asked(t, &all, "status")
		lag := int64(0)
		for _, s := range all {
			lag += s.Lag
		}
		return fmt.Sprint(lag)
	})
}

const allDone = "map[adopt-talent:done evict-cache:done notify-interested:done update-stats:done]"

func TestLocal_why_an_event_was_done_and_what_came_of_it(t *testing.T) {
	house(t)
	place, id := sendPlain(t, `{"type":"new_talent","talent_id":9301,"title":"x","category":"why"}`)
	eventtest.Eventually(t, allDone, func() string { return fatesOf(t, id) })
	caused := ""
	eventtest.Eventually(t, "adopt-talent done evict-cache done notify-interested done update-stats done", func() string {
		var found []harness.Why
		asked(t, &found, "why", place)
		var all []string
		for _, r := range found[0].Triggers {
			if r.Function == "adopt-talent" && len(r.Deliveries) == 1 && len(r.Deliveries[0].Caused) == 1 {
				one := r.Deliveries[0].Caused[0]
				caused = one.Event
				for _, f := range []string{"adopt-talent", "evict-cache", "notify-interested", "update-stats"} {
					for _, fate := range one.Fates {
						if fate.Function == f {
							all = append(all, f+" "+fate.Fate)
						}
					}
				}
			}
		}
		return strings.Join(all, " ")
	})
	code, out, said := local(t, ".", "why", id, "--state", common.state)
	for _, want := range []string{
		id + "  dev.knative.kafka.event\n  no CloudEvent, in " + place + "\n", "\nadopt-talent/plain  done\n", "204  accepted\n", caused + "  somssi.talent.registered.v1 (published): ",
		"register-talent/talents  is set off by requests to /talents\n", "relay-outbox/sweep       is set off by the clock: */5", "keep-dead-letters        has no trigger",
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("why: %d %s%s\nwithout %q", code, out, said, want)
		}
	}
	eventtest.Eventually(t, "true", func() string {
		_, out, _ := local(t, ".", "why", caused, "--state", common.state)
		return fmt.Sprint(strings.Contains(out, "published because of "+id) && strings.Count(out, " is committed: group ") == 4)
	})
	if code, _, said := local(t, ".", "why", "nobody-has-this", "--state", common.state); code != failed || !strings.Contains(said, "nor in flight at the 4 sources") {
		t.Errorf("unknown: %d %s", code, said)
	}
	sendPlain(t, `{"type":"sold_talent","talent_id":9301}`)
	quiet(t)
	if code, _, said := local(t, ".", "why", "partition:", "--state", common.state); code != wrong || !strings.Contains(said, "give more of it") {
		t.Errorf("too short: %d %s", code, said)
	}
}

func TestLocal_holds_an_event_and_steps(t *testing.T) {
	house(t)
	quiet(t)
	t.Cleanup(func() { local(t, ".", "resume", "--state", common.state) })
	for range 2 { // pausing what is paused is no mistake
		if code, out, said := local(t, ".", "pause", "update-stats", "--state", common.state); code != 0 || !strings.Contains(out, "update-stats/talents  paused, ") {
			t.Fatalf("pause: %d %s%s", code, out, said)
		}
	}
	if code, _, said := local(t, ".", "step", "--state", common.state); code != failed || !strings.Contains(said, "nothing is held at update-stats/talents") {
		t.Errorf("step of nothing: %d %s", code, said)
	}
	_, id := sendPlain(t, `{"type":"sold_talent","talent_id":9302}`) // which nobody has anything to do for
	held := func() string {
		var all []harness.Source
		asked(t, &all, "status", "update-stats")
		return fmt.Sprint(len(all), all[0].Paused, all[0].Lag, len(all[0].InFlight) > 0 && all[0].InFlight[0].Event == id && all[0].InFlight[0].State == "held")
	}
	eventtest.Eventually(t, "1 true 1 true", held)
	if _, out, _ := local(t, ".", "why", id, "--state", common.state); !strings.Contains(out, "update-stats/talents  held by the pause before attempt 1: step or resume") {
		t.Errorf("why: %s", out)
	}
	eventtest.Eventually(t, "1", func() string { // what was done before is committed within five seconds
		lags := 0
		for line := range strings.Lines(metrics(t)) {
			if strings.HasPrefix(line, `kafka_consumergroup_lag{consumergroup="talent_statistics",partition="`) && strings.HasSuffix(line, `",topic="new_talent_events"} 1`+"\n") {
				lags++
			}
		}
		return strconv.Itoa(lags)
	})
	if _, out, _ := local(t, ".", "status", "update-stats", "--state", common.state); !strings.Contains(out, "paused, 1 held, lag 1, 1 in flight") || !strings.Contains(out, id+" held at ") {
		t.Errorf("status: %s", out)
	}
	if code, out, said := local(t, ".", "step", "--state", common.state); code != 0 || !strings.HasPrefix(out, "let through "+id+" at new_talent_events/") || !strings.HasSuffix(out, ": done\n") {
		t.Errorf("step: %d %s%s", code, out, said)
	}
	if code, out, _ := local(t, ".", "resume", "update-stats/talents", "--state", common.state); code != 0 || out != "update-stats/talents  running, lag 0\n" {
		t.Errorf("resume: %d %s", code, out)
	}
	if code, _, said := local(t, ".", "pause", "update-stat", "--state", common.state); code != wrong || !strings.Contains(said, "there are adopt-talent/plain, ") {
		t.Errorf("pause of what is not there: %d %s", code, said)
	}
	if code, _, said := local(t, ".", "step", "update-stats", "--state", common.state); code != failed || !strings.Contains(said, "pause update-stats") {
		t.Errorf("step of what is not paused: %d %s", code, said)
	}
}

// metrics is what GET /dev/metrics of the house says.
func metrics(t *testing.T) string {
	t.Helper()
	run, err := harness.Running(common.state)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, run.URL+"/dev/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	return string(text)
}

func TestLocal_breaks_on_failure(t *testing.T) {
	house(t)
	t.Cleanup(func() {
		local(t, ".", "break", "--on", "off", "--state", common.state)
		local(t, ".", "resume", "--state", common.state)
	})
	if code, out, said := local(t, ".", "break", "--on", "failure", "adopt-talent", "--state", common.state); code != 0 || !strings.Contains(out, "running, breaks on failure") {
		t.Fatalf("break: %d %s%s", code, out, said)
	}
	place, id := sendPlain(t, `{"type":"new_talent","talent_id":-1,"title":"x","category":"broken"}`)
	eventtest.Eventually(t, "true", func() string {
		_, out, _ := local(t, ".", "why", place, "--state", common.state)
		return fmt.Sprint(strings.Contains(out, "adopt-talent/plain  held by the break") && strings.Contains(out, "it answered: talent_id must be"))
	})
	var step harness.Step
	if code, said := asked(t, &step, "step"); code != 0 || step.Let.Event != id || step.Now == nil || step.Now.State != "held" || len(step.Now.Attempts) != 2 || !step.Now.Attempts[1].Broke {
		t.Errorf("step: %d %+v %s", code, step, said)
	}
	local(t, ".", "break", "--on", "off", "--state", common.state)
	local(t, ".", "resume", "--state", common.state)
	eventtest.Eventually(t, strings.Replace(allDone, "adopt-talent:done", "adopt-talent:dead letter", 1), func() string { return fatesOf(t, id) })
	_, out, _ := local(t, ".", "why", id, "--state", common.state)
	for _, want := range []string{
		"adopt-talent/plain  a dead letter, kept by keep-dead-letters\n", "422  422 is not tried again: straight to the dead letter sink\n",
		"dead letter sink, attempt 1", "it answered: talent_id must be an integer",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("why: %s\nwithout %q", out, want)
		}
	}
	_, out, _ = local(t, ".", "events", "--fate", "dead-letter", "--event", id, "--state", common.state)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "422 talent_id must be an integer") {
		t.Errorf("events: %s", out)
	}
}

func TestLocal_replays_to_the_named_function_only(t *testing.T) {
	house(t)
	place, id := sendPlain(t, `{"type":"new_talent","talent_id":-1,"title":"x","category":"replayed"}`)
	eventtest.Eventually(t, strings.Replace(allDone, "adopt-talent:done", "adopt-talent:dead letter", 1), func() string { return fatesOf(t, id) })
	where, offset, _ := strings.Cut(strings.TrimPrefix(place, "new_talent_events/"), "@")
	to := []string{"replay", "--from", offset, "--topic", "new_talent_events", "--partition", where, "--event", id, "--state", common.state, "--to"}
	if code, out, said := local(t, ".", append(to, "update-stats", "--to", "evict-cache/talents")...); code != 0 || out != "replayed: 2 done\n" {
		t.Errorf("replay: %d %s%s", code, out, said)
	}
	if code, out, said := local(t, ".", append(to, "adopt-talent")...); code != failed || out != "replayed: 1 dead letter\n" || !strings.Contains(said, "1 were not done") {
		t.Errorf("replay of what fails: %d %s%s", code, out, said)
	}
	var rows []harness.Delivery
	asked(t, &rows, "events", "--event", id)
	replays := map[string]int{}
	for _, d := range rows {
		if d.Replay {
			replays[d.Function]++
		}
	}
	if got := fmt.Sprint(replays); got != "map[adopt-talent:1 evict-cache:1 update-stats:1]" || len(rows) != 7 {
		t.Errorf("%s of %d rows were replays", got, len(rows))
	}
	if _, out, _ := local(t, ".", "why", place, "--state", common.state); strings.Count(out, "done (a replay)") != 2 || !strings.Contains(out, "a replay moves no commit") {
		t.Errorf("why: %s", out)
	}
	for args, want := range map[string]string{
		"--to update-stats": "say --from", "--from beginning": "say to whom", "--from beginning --all --to x": "say to whom", "--from noon --to update-stats": `"noon" is no offset`,
		"--from 0 --to read-inbox": "takes events from Kafka: there are", "--from 0 --to update-stats --topic other": "does not read topic", "--from 0 --all --topic other": "no function reads",
	} {
		if code, _, said := local(t, ".", append([]string{"replay", "--state", common.state}, strings.Fields(args)...)...); code != wrong || !strings.Contains(said, want) {
			t.Errorf("replay %s: %d %s, want %q", args, code, said, want)
		}
	}
	if code, out, _ := local(t, ".", "replay", "--from", "1h", "--until", "59m", "--all", "--state", common.state, "-o", "json"); code != 0 || !strings.Contains(out, `"done": true`) {
		t.Errorf("replay of nothing: %d %s", code, out)
	}
}

// events --follow goes on in the next harness, which may be at another address
// and may have begun with nothing.
func TestLocal_follows_events_over_a_restart(t *testing.T) {
	state := t.TempDir()
	serve := func(rows ...harness.Delivery) *httptest.Server {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/dev/env" {
				_, _ = w.Write([]byte("{}"))
				return
			}
			after, found := 0, []harness.Delivery{}
			_, _ = fmt.Sscan(r.URL.Query().Get("after"), &after)
			for _, d := range rows {
				if d.Number > after {
					found = append(found, d)
				}
			}
			_ = json.NewEncoder(w).Encode(found)
		}))
		text := fmt.Sprintf(`{"url":%q}`, server.URL)
		if err := os.WriteFile(filepath.Join(state, "run.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return server
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out, said safe
	var following sync.WaitGroup
	first := serve(harness.Delivery{Number: 7, Event: "seven"}, harness.Delivery{Number: 8, Event: "eight"})
	following.Go(func() { run(ctx, []string{"events", "--follow", "--state", state, "-o", "json"}, &out, &said) })
	defer following.Wait()
	defer cancel()
	has := func(s *safe, words ...string) func() string {
		return func() string {
			for _, w := range words {
				if strings.Count(s.String(), w) != 1 {
					return s.String()
				}
			}
			return "all once"
		}
	}
	eventtest.Eventually(t, "all once", has(&out, `"seven"`, `"eight"`))
	first.Close()
	eventtest.Eventually(t, "all once", has(&said, "waiting until one is up again"))
	second := serve(harness.Delivery{Number: 1, Event: "one"}) // begun with nothing
	defer second.Close()
	eventtest.Eventually(t, "all once", has(&said, "a harness is up again"))
	second.Close()
	eventtest.Eventually(t, "true", func() string { return fmt.Sprint(strings.Count(said.String(), "waiting until") == 2) })
	third := serve(harness.Delivery{Number: 1, Event: "one"}, harness.Delivery{Number: 2, Event: "two"})
	defer third.Close()
	eventtest.Eventually(t, "all once", has(&out, `"seven"`, `"eight"`, `"two"`))
}

// safe is a buffer that is written and read at once.
type safe struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *safe) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *safe) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
