package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/harness"
)

func TestMessages(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"one", `{"a":1}`, []string{`{"a":1}`}},
		{"one_on_a_line", "{\"a\":1}\n", []string{"{\"a\":1}\n"}},
		{"one_indented", "{\n\"a\": 1\n}\n", []string{"{\n\"a\": 1\n}\n"}},
		{"lines", "{\"a\":1}\r\n\n{\"b\":2}\n", []string{`{"a":1}`, `{"b":2}`}},
		{"lines_some_broken", "{\"a\":1}\nnot json\n{\"b\"\n", []string{`{"a":1}`, "not json", `{"b"`}},
		{"array", `[{"a":1}, 2,"x"]`, []string{`{"a":1}`, "2", `"x"`}},
		{"empty_array", `[]`, nil},
		{"null", `null`, []string{"null"}},
		{"words_on_lines", "one\ntwo\n", []string{"one\ntwo\n"}},
		{"broken_indented", "{\n\"a\": 1,\n}\n", []string{"{\n\"a\": 1,\n}\n"}},
		{"nothing", "", []string{""}},
		{"bytes", "\xff\xfe", []string{"\xff\xfe"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fmt.Sprintf("%q", messages([]byte(tc.text))); got != fmt.Sprintf("%q", tc.want) {
				t.Errorf("%s, want %q", got, tc.want)
			}
		})
	}
}

func TestRecords(t *testing.T) {
	event := `{"specversion":"1.0","id":"a","source":"/s","type":"t","partitionkey":"p"}`
	for _, tc := range []struct {
		name    string
		o       sendOptions
		text    string
		want    string // key, value, headers of the last record
		problem string
	}{
		{"event", sendOptions{}, event, "p " + event + " [{content-type application/cloudevents+json}]", ""},
		{"event_with_a_key", sendOptions{key: "k"}, event, "k " + event + " [{content-type application/cloudevents+json}]", ""},
		{"event_whose_key_is_a_number", sendOptions{}, strings.Replace(event, `"p"`, "7", 1), " " + strings.Replace(event, `"p"`, "7", 1) + " [{content-type application/cloudevents+json}]", ""},
		{"plain", sendOptions{key: "k", headers: []string{"a=1", "a=b=2", "c="}}, "x\n", "k x [{a 1} {a b=2} {c }]", ""},
		{"plain_that_says_event", sendOptions{headers: []string{"content-type=application/cloudevents+json"}}, "x", " x [{content-type application/cloudevents+json}]", ""},
		{"no_header", sendOptions{headers: []string{"a"}}, "x", "", "such as --header trace=7"},
		{"no_name", sendOptions{headers: []string{"=a"}}, "x", "", "such as"},
		{"nothing", sendOptions{}, "[]", "", "nothing to send"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			all, err := tc.o.records("t", []byte(tc.text))
			if tc.problem != "" {
				if err == nil || !strings.Contains(err.Error(), tc.problem) {
					t.Errorf("%v, want %s", err, tc.problem)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := all[len(all)-1]
			if got := fmt.Sprintf("%s %s %s", r.Key, r.Value, r.Headers); got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestExpectations(t *testing.T) {
	triggers := []triggerName{{"f", "a"}, {"f", "b"}, {"g", "a"}}
	for text, want := range map[string]string{
		"":                       "map[f/a:[done filtered] f/b:[done filtered] g/a:[done filtered]]",
		"lost":                   "map[f/a:[lost] f/b:[lost] g/a:[lost]]",
		"dead-letter":            "map[f/a:[dead letter] f/b:[dead letter] g/a:[dead letter]]",
		`f="dead letter",g=done`: "map[f/a:[dead letter] f/b:[dead letter] g/a:[done]]",
		"f/b=discarded":          "map[f/a:[done filtered] f/b:[discarded] g/a:[done filtered]]",
		"done, f/a=filtered":     "map[f/a:[filtered] f/b:[done] g/a:[done]]",
		"h=done":                 "no such function",
		"f=again":                "the fates are done",
		"f=":                     "the fates are done",
	} {
		expected, err := expectations(text, triggers)
		got := fmt.Sprint(expected)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// no-time is refused by all that read its data; update-stats and
// notify-interested are two of them.
func TestSend_waits(t *testing.T) {
	h := house(t)
	bad := `{"specversion":"1.0","id":"` + uuid.NewString() + `","source":"/s","type":"somssi.talent.registered.v1","data":{"talentId":1}}`
	good := strings.Replace(bad, "talent.registered", "talent.praised", 1)
	for _, tc := range []struct {
		name, text string
		args       []string
		code       int
		out        []string
		said       []string
	}{
		{"done", good, []string{"--wait"}, 0, []string{"FUNCTION           FATE  TRIES  MS", "adopt-talent       done  1 ", "update-stats       done  1 "}, nil},
		{"not_as_expected", bad, []string{"--wait"}, failed, []string{"update-stats       dead letter  1 ", "422 talentId, at or category is missing or wrong\n", "adopt-talent       done"}, []string{"deliveries are not as expected", "update-stats: dead letter, not done or filtered"}},
		{"as_expected", bad, []string{"--expect", "done,update-stats=dead letter,notify-interested=dead letter,evict-cache=dead letter"}, 0, []string{"update-stats       dead letter"}, nil},
		{"done_and_not", good, []string{"--expect", "lost"}, failed, nil, []string{"adopt-talent: done, not lost"}},
		{"several", good + "\n" + bad + "\n" + good, []string{"--wait"}, failed, []string{"COUNT  FUNCTION", "2      update-stats       done", "1      update-stats       dead letter", "3      adopt-talent       done"}, nil},
		{"unknown_function", good, []string{"--expect", "nobody=done"}, wrong, nil, []string{"no such function has a trigger on this topic; there are [adopt-talent/plain "}},
		{"without_waiting", "[" + good + "," + good + "]", nil, 0, []string{"sent 2 to new_talent_events\n"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, said := local(t, ".", append([]string{"send", "new_talent_events", file(t, tc.text), "--state", common.state}, tc.args...)...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, want := range tc.out {
				if !strings.Contains(out, want) {
					t.Errorf("answered\n%s\nwithout %q", out, want)
				}
			}
			for _, want := range tc.said {
				if !strings.Contains(said, want) {
					t.Errorf("said\n%s\nwithout %q", said, want)
				}
			}
		})
	}
	var answer outcome
	_, out, _ := local(t, ".", "send", "new_talent_events", file(t, good), "--wait", "-o", "json", "--state", common.state)
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Sent) != 1 || len(answer.Deliveries) != 4 || answer.Unexpected != 0 || len(answer.Missing) != 0 || answer.Deliveries[0].Fate != "done" {
		t.Errorf("-o json: %s (%v)", out, err)
	}

	// A function that stands still is named.
	stopped := h.Functions()["evict-cache"].PID
	if err := syscall.Kill(stopped, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	code, out, said := local(t, ".", "send", "new_talent_events", file(t, good), "--timeout", "2s", "--state", common.state)
	if err := syscall.Kill(stopped, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if code != failed || !strings.Contains(said, "evict-cache is not through with new_talent_events/") || !strings.Contains(said, "attempt 1 is under way") || !strings.Contains(out, "evict-cache        -") || !strings.Contains(out, "update-stats       done") {
		t.Errorf("a function that stands still: %d\n%s\n%s", code, out, said)
	}
}

func TestSend_waits_for_nobody(t *testing.T) {
	h := house(t)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(h.Run.Env["KAFKA_BROKERS"]))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	if _, err := kadm.NewClient(kafka).CreateTopic(t.Context(), 1, 1, nil, "nobodys"); err != nil {
		t.Fatal(err)
	}
	if code, _, said := local(t, ".", "send", "nobodys", file(t, "x"), "--wait", "--state", common.state); code != wrong || !strings.Contains(said, "no function has a trigger on nobodys") {
		t.Errorf("%d %s", code, said)
	}
	if code, out, _ := local(t, ".", "send", "nobodys", file(t, "x"), "--key", "k", "--header", "a=b", "--state", common.state); code != 0 || !strings.HasPrefix(out, "sent to nobodys") {
		t.Errorf("%d %s", code, out)
	}
}

// Only the first delivery of each own record at each trigger counts, whatever
// else goes on.
func TestAwaitFates_looks_at_its_own(t *testing.T) {
	answers := map[string]string{
		"0": `[{"number":1,"function":"f","trigger":"a","topic":"t","partition":0,"offset":6,"fate":"lost","attempts":[]},
			{"number":2,"function":"f","trigger":"a","topic":"t","partition":0,"offset":7,"fate":"done","attempts":[]},
			{"number":2,"function":"g","trigger":"a","topic":"t","partition":0,"offset":7,"fate":"lost","replay":true,"attempts":[]},
			{"number":3,"function":"f","trigger":"a","topic":"t","partition":0,"offset":7,"fate":"lost","attempts":[]}]`,
		"3": `[{"number":4,"function":"g","trigger":"a","topic":"t","partition":0,"offset":7,"fate":"filtered","attempts":[]}]`,
	}
	house := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.URL.Query().Get("after")])
	}))
	defer house.Close()
	var out bytes.Buffer
	c := &cli{out: &out, problems: io.Discard, format: "json"}
	w := &waiting{triggers: []triggerName{{"f", "a"}, {"g", "a"}}, timeout: 10 * time.Second}
	w.expected, _ = expectations("", w.triggers)
	err := c.awaitFates(t.Context(), harness.Run{URL: house.URL}, w, []*kgo.Record{{Topic: "t", Offset: 7}})
	var answer outcome
	if unread := json.Unmarshal(out.Bytes(), &answer); err != nil || unread != nil || len(answer.Deliveries) != 2 || answer.Deliveries[1].Number != 4 {
		t.Errorf("%v %v\n%s", err, unread, &out)
	}
}

func TestEffort(t *testing.T) {
	d := harness.Delivery{Fate: "dead letter", Attempts: []harness.Attempt{{To: "f", TookMs: 1, Status: 503}, {To: "f", WaitMs: 10, TookMs: 2, Error: "no\x1banswer"}, {To: "dead", TookMs: 100, Status: 204, Dead: true}}}
	if tries, ms, why := effort(d); tries != 2 || ms != 113 || why != "no answer" {
		t.Errorf("%d %d %q", tries, ms, why)
	}
}
