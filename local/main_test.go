package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// local runs a command line in the folder and returns its exit code, what it
// answered and what it said.
func local(t *testing.T, dir string, args ...string) (code int, out, said string) {
	t.Helper()
	t.Chdir(dir)
	var o, e bytes.Buffer
	code = run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestLocal_says_what_is_wrong(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "template.yaml"), []byte("version: 1\nfunctionz: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := strings.TrimPrefix(taken.Addr().String(), "127.0.0.1:")
	for _, tc := range []struct {
		name string
		dir  string
		args string
		code int
		said []string
	}{
		{"unknown_flag", "..", "up --prot 1", wrong, []string{"unknown flag: --prot", "up --help"}},
		{"unknown_format", "..", "env -o yaml", wrong, []string{"text and json"}},
		{"too_few_arguments", "..", "send", wrong, []string{"usage: go run ./local send <topic> [file]"}},
		{"idle_alone", "..", "up --idle 5s", wrong, []string{"--idle says when --scale-to-zero"}},
		{"idle_for_no_time", "..", "up --scale-to-zero --idle 0s", wrong, []string{"--idle 0s", "above zero"}},
		{"no_repository", empty, "up", wrong, []string{"no template.yaml", "run this in the repository"}},
		{"broken_template", broken, "up", wrong, []string{`template.yaml:2:1 error T004 unknown key "functionz"`, `did you mean "functions"?`}},
		{"nothing_running", empty, "env --state " + empty, failed, []string{"no harness is running here: start one with make run"}},
		{"killed_and_left_its_file", empty, "events --state " + stale(t), failed, []string{"no harness is running here"}},
		{"page_port_in_use", "..", "up --port " + port + " --state " + t.TempDir(), failed, []string{"port " + port + " for the page is in use", "--port"}},
		{"kafka_port_in_use", "..", "up --port 0 --redis-port 0 --kafka-port " + port + " --state " + t.TempDir(), failed,
			[]string{"port " + port + " for Kafka is in use", "--kafka-port", "KAFKA_BROKERS="}},
		{"redis_port_in_use", "..", "up --port 0 --kafka-port 0 --redis-port " + port + " --state " + t.TempDir(), failed,
			[]string{"port " + port + " for Redis is in use", "--redis-port", "REDIS_URL="}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, said := local(t, tc.dir, strings.Fields(tc.args)...)
			if code != tc.code || out != "" {
				t.Errorf("exit code %d, want %d; answer %q", code, tc.code, out)
			}
			for _, want := range tc.said {
				if !strings.Contains(said, want) {
					t.Errorf("said %q\nwithout %q", said, want)
				}
			}
		})
	}
}

// stale is the state of a harness that was killed.
func stale(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	if err := os.WriteFile(filepath.Join(state, "run.json"), []byte(`{"url":"http://127.0.0.1:1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return state
}

func TestLocal_errors_as_json(t *testing.T) {
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "template.yaml"), []byte("version: 1\nfunctionz: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, said := local(t, broken, "up", "-o", "json")
	var answer struct {
		Error    string
		Problems []struct {
			Line, Col int
			Rule      string
		}
	}
	if err := json.Unmarshal([]byte(said), &answer); err != nil || len(answer.Problems) != 1 || answer.Problems[0].Line != 2 || answer.Problems[0].Rule != "T004" {
		t.Errorf("said %q (%v)", said, err)
	}
}

func TestLocal_help_has_examples_for_every_command(t *testing.T) {
	all := (&cli{}).command().Commands()
	for i := 0; i < len(all); i++ {
		command := all[i]
		all = append(all, command.Commands()...)
		if command.Example == "" || command.Short == "" {
			t.Errorf("%s has no example or no description", command.Name())
		}
	}
	if code, out, _ := local(t, "..", "--help"); code != 0 || !strings.Contains(out, "completion") || !strings.Contains(out, "Exit code 0") {
		t.Errorf("help: %d %s", code, out)
	}
}

// The commands that look at a running house, against one.
func TestLocal_looks_at_a_running_house(t *testing.T) {
	h := house(t)
	u := newcomer(t, h)
	follow(t, u, "looked-at")
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"type":"new_talent","talent_id":9200,"title":"x","category":"looked-at"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, said := local(t, "..", "send", "new_talent_events", event, "--state", common.state)
	if code != 0 || !strings.HasPrefix(out, "sent to new_talent_events, partition ") {
		t.Errorf("send: %d %q %q", code, out, said)
	}
	eventtest.Eventually(t, "9200 looked-at/x badge 1", func() string { return inbox(t, u) })

	code, out, _ = local(t, ".", "events", "--state", common.state, "--function", "adopt-talent", "-n", "3")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); code != 0 || len(lines) < 2 || len(lines) > 4 || !strings.Contains(out, "dev.knative.kafka.event") || strings.Contains(out, "evict-cache") {
		t.Errorf("events: %d\n%s", code, out)
	}
	var all []harness.Delivery
	code, out, _ = local(t, ".", "events", "--state", common.state, "-o", "json", "-n", "1")
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 || len(all) != 1 || all[0].Function == "" {
		t.Errorf("events -o json: %d %s (%v)", code, out, err)
	}

	code, out, _ = local(t, ".", "env", "--state", common.state)
	if code != 0 || !strings.Contains(out, "export KAFKA_BROKERS='"+h.Run.Env["KAFKA_BROKERS"]+"'\n") {
		t.Errorf("env: %d %s", code, out)
	}
	var env struct {
		KAFKABROKERS string `json:"KAFKA_BROKERS"`
		Functions    map[string]struct {
			URL string
			PID int
		}
	}
	code, out, _ = local(t, ".", "env", "-o", "json", "--state", common.state)
	if err := json.Unmarshal([]byte(out), &env); err != nil || code != 0 || env.KAFKABROKERS == "" || env.Functions["read-inbox"].PID == 0 || env.Functions["read-inbox"].URL == "" {
		t.Errorf("env -o json: %d %s (%v)", code, out, err)
	}

	if err := redisOf(t, h).FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if code, _, said = local(t, ".", "rebuild", "--state", common.state); code != 0 || strings.Count(said, "rebuilt the views of ") != 2 {
		t.Errorf("rebuild: %d %s", code, said)
	}
	if got := inbox(t, u); got != "9200 looked-at/x badge 1" {
		t.Errorf("inbox %q after rebuild", got)
	}
	if code, _, said = local(t, ".", "rebuild", "serve-web", "--state", common.state); code != wrong || !strings.Contains(said, "no view") {
		t.Errorf("rebuild of what has no view: %d %s", code, said)
	}
	if code, _, said = local(t, ".", "up", "--state", common.state); code != failed || !strings.Contains(said, "running already") {
		t.Errorf("up beside it: %d %s", code, said)
	}
	if code, _, said = local(t, ".", "up", "--fresh", "--state", common.state); code != failed || !strings.Contains(said, "stop it first") {
		t.Errorf("up --fresh beside it: %d %s", code, said)
	}
}

func TestLocal_doctor(t *testing.T) {
	code, out, said := local(t, "..", "doctor", "-o", "json")
	var checks []check
	if err := json.Unmarshal([]byte(out), &checks); err != nil || code != 0 || len(checks) < 4 || checks[0].Name != "go" || !checks[0].OK {
		t.Errorf("doctor: %d %s %s (%v)", code, out, said, err)
	}
	t.Setenv("PATH", "")
	if code, out, said = local(t, "..", "doctor"); code != failed || !strings.Contains(out, "apt-get install kcat") || !strings.Contains(said, "https://go.dev/dl") {
		t.Errorf("doctor without anything: %d %s %s", code, out, said)
	}
}
