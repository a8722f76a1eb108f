package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"somssi/local/harness"
)

// file is a file of the test's own.
func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestInvoke(t *testing.T) {
	house(t)
	const good, bad = "../functions/update-stats/testdata/guitar-registered.json", "../functions/update-stats/testdata/no-time.json"
	for _, tc := range []struct {
		name string
		args []string
		code int
		out  []string
		said string
	}{
		{"done", []string{"update-stats", good}, 0, []string{"update-stats answered 204 No Content in ", ": done\n", "0192-1 of type somssi.talent.registered.v1\n"}, ""},
		{"dead_letter", []string{"update-stats", bad}, failed, []string{"422 Unprocessable Entity", "  talentId, at or category is missing or wrong\n", "go to the dead letter sink at once"},
			"error: update-stats: dead letter, not done\n"},
		{"as_expected", []string{"update-stats", bad, "--expect", "dead letter"}, 0, []string{": dead letter\n"}, ""},
		{"plain", []string{"adopt-talent", file(t, `{"type":"new_talent","talent_id":9391,"title":"x","category":"invoked"}`+"\n"), "--key", "k"}, 0,
			[]string{": done\n", "partition:0/offset:0 of type dev.knative.kafka.event, wrapped\n"}, ""},
		{"plain_and_wrong", []string{"adopt-talent", file(t, `{"type":"new_talent","talent_id":0}`)}, failed, []string{"talent_id must be an integer"}, "dead letter, not done"},
		{"control_character", []string{"update-stats", file(t, `{"specversion":"1.0","id":"a\u0000","source":"/s","type":"t"}`)}, failed,
			[]string{"answered nothing: attribute id has a control character", ": dead letter"}, ""},
		{"no_trigger", []string{"keep-dead-letters", file(t, strings.Repeat("x", 2<<20))}, failed, []string{"413", "no Kafka trigger"}, ""},
		{"unknown_function", []string{"update-stat", good}, wrong, nil, `no function "update-stat": there are adopt-talent, `},
		{"unknown_fate", []string{"update-stats", good, "--expect", "lost"}, wrong, nil, "it is one of done, again, dead letter, discarded"},
		{"no_file", []string{"update-stats", "nothing.json"}, wrong, nil, "nothing.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, said := local(t, ".", append([]string{"invoke", "--state", common.state}, tc.args...)...)
			if code != tc.code || !strings.Contains(said, tc.said) {
				t.Errorf("exit code %d, said %q", code, said)
			}
			for _, want := range tc.out {
				if !strings.Contains(out, want) {
					t.Errorf("answered\n%s\nwithout %q", out, want)
				}
			}
		})
	}
	_, out, _ := local(t, ".", "invoke", "--state", common.state, "update-stats", bad, "-o", "json")
	var answer harness.Invoked
	if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Status != 422 || answer.Fate != "dead letter" || !strings.Contains(answer.Body, "talentId") {
		t.Errorf("-o json: %s (%v)", out, err)
	}
}

func TestBodyLines_do_nothing_to_a_terminal(t *testing.T) {
	for body, want := range map[string]string{"\x1b[31mred\r\n\tb": "\ufffd[31mred\ufffd|\ufffdb", "": "", " \n": ""} {
		if got := strings.Join(bodyLines(harness.Invoked{Body: body}), "|"); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
	}
}
