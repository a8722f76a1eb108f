package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// someKafka is a Kafka that is not the harness's: two events of talents and a
// plain message in t, an hour apart, and nothing in empty.
func someKafka(t *testing.T) string {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "t", "empty"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	for n, text := range []string{
		`{"specversion":"1.0","id":"e-1","source":"/s","type":"somssi.talent.registered.v1","subject":"talent/1001","partitionkey":"1001","data":{"talentId":1001,"title":"기타 레슨"}}`,
		`{"specversion":"1.0","id":"e-2","source":"/s","type":"somssi.talent.closed.v1","subject":"talent/1001","partitionkey":"1001","data":{"talentId":1001,"title":"기타 레슨"}}`,
		`{"type":"new_talent","talent_id":1001,"title":"기타 레슨"}`,
	} {
		r := record("t", []byte(text))
		r.Timestamp = time.Date(2026, 11, 22, 9+n, 0, 0, 0, time.UTC)
		if err := kafka.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(cluster.ListenAddrs(), ",")
}

func TestCapture(t *testing.T) {
	kafka := someKafka(t)
	const first, second, third = "somssi.talent.registered.v1-e-1.json", "somssi.talent.closed.v1-e-2.json", "dev.knative.kafka.event-partition-0-offset-2.json"
	for _, tc := range []struct {
		name, args string
		files      []string
		said       string
	}{
		{"all", "", []string{first, second, third}, "people's data"},
		{"first_only", "-n 1", []string{first}, ""},
		{"from_an_offset", "--from 1", []string{second, third}, ""},
		{"from_a_time", "--from 2026-11-22T10:30:00+00:00", []string{third}, ""},
		{"where", "--where type='somssi.talent.closed.v1'", []string{second}, ""},
		{"scrubbed", "--scrub subject,partitionkey?,data.talentId?,data.talent_id?,data.title", []string{first, second, third}, ""},
		{"half_scrubbed", "--scrub data.title,subject", []string{first, second, third}, ""},
		{"leaking", "--scrub data.talentId,data.title", []string{first, second, third}, "what data.talentId was is still in another field, in 2 of 3 files"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := t.TempDir()
			code, answered, said := local(t, ".", append([]string{"capture", "--kafka", kafka, "--topic", "t", "--out", out}, strings.Fields(tc.args)...)...)
			var want strings.Builder
			for _, name := range tc.files {
				fmt.Fprintln(&want, filepath.Join(out, name))
			}
			if code != 0 || answered != want.String() || !strings.Contains(said, tc.said) || tc.said == "" && strings.Contains(said, "still in") {
				t.Errorf("%d\n%s\nwant\n%s\nsaid %s", code, answered, want.String(), said)
			}
			for _, name := range tc.files {
				e := loadEvent(t, filepath.Join(out, name))
				if strings.Contains(tc.args, "title") && strings.Contains(e.String(), "기타") {
					t.Errorf("%s still has it:\n%s", name, e)
				}
			}
		})
	}
}

func loadEvent(t *testing.T, file string) (e event.Event) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err == nil {
		err = e.Validate()
	}
	if err != nil {
		t.Fatalf("%s: %v\n%s", file, err, text)
	}
	return e
}

func TestCapture_wraps_as_the_source_that_reads_the_topic(t *testing.T) {
	h := house(t)
	write(t, h, `{"type":"captured"}`)
	out := t.TempDir()
	code, answered, said := local(t, ".", "capture", "--state", common.state, "--topic", "new_talent_events", "--where", "type = 'dev.knative.kafka.event'", "-n", "1", "--out", out, "-o", "json")
	var answer captured
	if err := json.Unmarshal([]byte(answered), &answer); err != nil || code != 0 || answer.Captured != 1 || answer.Read < 1 {
		t.Fatalf("%d %s %s", code, answered, said)
	}
	e := loadEvent(t, answer.Files[0])
	if e.Source() != "/apis/v1/namespaces/somssi/kafkasources/adopt-talent-plain#new_talent_events" || e.Extensions()["knativekafkaoffset"] == nil {
		t.Errorf("captured\n%s", e)
	}
}

// A file that is there is not touched, and with one mistake none is written.
func TestCapture_says_what_is_wrong(t *testing.T) {
	kafka := someKafka(t)
	taken := t.TempDir()
	mine := filepath.Join(taken, "somssi.talent.closed.v1-e-2.json")
	if err := os.WriteFile(mine, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, args string
		code       int
		said       string
	}{
		{"no_topic", "", wrong, "--topic is needed"},
		{"from", "--topic t --from yesterday", wrong, "--from yesterday: beginning, an offset, or a time"},
		{"where", "--topic t --where type=x.y", wrong, "--where: "},
		{"field", "--topic t --scrub data.titel", wrong, "no event has data.titel: nothing was written"},
		{"type", "--topic t --scrub type", wrong, "can not be replaced"},
		{"field_file", "--topic t --scrub-file nothing.txt", wrong, "nothing.txt"},
		{"taken", "--topic t --out " + taken, wrong, "1 files are there already and were not touched"},
		{"count", "--topic t -n 0", wrong, "-n from 1"},
		{"none", "--topic empty", failed, "no event captured: 0 records of empty"},
		{"none_wanted", "--topic t --where id='x'", failed, "3 records of t were read and none was wanted"},
		{"unknown_topic", "--topic nothing", failed, "UNKNOWN_TOPIC"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			code, answered, said := local(t, ".", append([]string{"capture", "--kafka", kafka, "--out", out}, strings.Fields(tc.args)...)...)
			if code != tc.code || answered != "" || !strings.Contains(said, tc.said) {
				t.Errorf("%d %s\n%s", code, answered, said)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("something was written")
			}
		})
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
		t.Errorf("the file that was there is %q (%v)", text, err)
	}
	if left, err := os.ReadDir(taken); err != nil || len(left) != 1 {
		t.Errorf("%d files beside it (%v)", len(left), err)
	}
	if code, _, said := local(t, ".", "capture", "--kafka", kafka, "--topic", "t", "--out", taken, "--force"); code != 0 {
		t.Errorf("--force: %s", said)
	}
	if e := loadEvent(t, mine); e.ID() != "e-2" {
		t.Errorf("after --force: %s", e)
	}
}

func TestCapture_same_seed_same_files(t *testing.T) {
	kafka := someKafka(t)
	scrub := file(t, "# who\ndata.title   # what they offer\nsubject\n\ndata.phone?\n")
	text := func(seed string) string {
		out := t.TempDir()
		if code, _, said := local(t, ".", "capture", "--kafka", kafka, "--topic", "t", "-n", "2", "--out", out, "--scrub-file", scrub, "--seed", seed); code != 0 {
			t.Fatal(said)
		}
		text, err := os.ReadFile(filepath.Join(out, "somssi.talent.closed.v1-e-2.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a, again, unseeded := text("a"), text("a"), text("")
	if a != again || a == text("b") || unseeded == text("") {
		t.Errorf("%s\n%s\n%s", a, again, unseeded)
	}
}
