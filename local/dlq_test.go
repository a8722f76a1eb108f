package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// poison is an event that update-stats and notify-interested refuse, sent to
// their topic, and its id.
func poison(t *testing.T, h *harness.Harness) string {
	t.Helper()
	id := uuid.NewString()
	write(t, h, `{"specversion":"1.0","id":"`+id+`","source":"/somssi/test","type":"somssi.talent.registered.v1","extra":"kept","data":{"talentId":1,"title":"\u001b[31m솜씨"}}`)
	return id
}

// lettersOf waits until there are n letters of an event at a function.
func lettersOf(t *testing.T, h *harness.Harness, function, event string, n int) []dlq.Letter {
	t.Helper()
	db := sqlOf(t, h)
	var found []dlq.Letter
	eventtest.Eventually(t, fmt.Sprint(n), func() string {
		var err error
		found, err = dlq.List(t.Context(), db, dlq.Filter{Function: function, Event: event})
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(len(found))
	})
	return found
}

func TestDLQ_lists_and_shows(t *testing.T) {
	h := house(t)
	id := poison(t, h)
	l := lettersOf(t, h, "update-stats", id, 1)[0]
	answer := func(args ...string) string {
		t.Helper()
		code, out, said := local(t, ".", append([]string{"dlq", "--state", common.state}, args...)...)
		if code != 0 {
			t.Errorf("dlq %v: %d %s", args, code, said)
		}
		return out
	}
	eventtest.Eventually(t, "1", func() string { // the history learns of it after SQL
		fields := strings.Fields(strings.Split(answer("ls", "--function", "update-stats", "--event", id), "\n")[1])
		return fields[len(fields)-5]
	})
	out := answer("ls", "--function", "update-stats", "--event", id)
	for _, want := range []string{"KEY", "ATTEMPTS", l.Key[:8], "update-stats  talentId, at or category is missing or wrong  422   1         -", id} {
		if !strings.Contains(out, want) {
			t.Errorf("ls:\n%s\nwithout %q", out, want)
		}
	}
	if out := answer("ls", "--event", "nobody"); out != "no such dead letters\n" {
		t.Errorf("ls of none: %q", out)
	}
	if out := answer("ls", "--group", "--event", id); !strings.Contains(out, "1      update-stats") || !strings.Contains(out, "1      notify-interested") {
		t.Errorf("--group:\n%s", out)
	}
	var all []listed
	if err := json.Unmarshal([]byte(answer("ls", "--event", id, "-o", "json")), &all); err != nil || len(all) < 2 || all[0].Attempts != 1 || all[0].Code != "422" {
		t.Errorf("-o json: %+v (%v)", all, err)
	}

	out = answer("show", l.Key[:12])
	for _, want := range []string{"(http://update-stats.somssi.svc.cluster.local)", "from         new_talent_events/", "answer       422 Unprocessable Entity",
		"\n  extra: kept\n  id: " + id + "\n", `"detail": "talentId, at or category`, "\n    \"talentId\": 1,\n", `\u001b[31m솜씨`, "attempt 1 "} {
		if !strings.Contains(out, want) {
			t.Errorf("show:\n%s\nwithout %q", out, want)
		}
	}
	var one shown
	if err := json.Unmarshal([]byte(answer("show", l.Key, "-o", "json")), &one); err != nil || one.Topic != "new_talent_events" || one.Offset == "" || !strings.Contains(one.Answer, "detail") || len(one.Data) == 0 {
		t.Errorf("show -o json: %+v (%v)", one, err)
	}
}

func TestDLQ_redrives_what_is_mended(t *testing.T) {
	h := house(t)
	u := newcomer(t, h)
	follow(t, u, "redriven")
	db := sqlOf(t, h)
	id := uuid.NewString()
	for n := range 3 {
		talent := 940_000 + n
		data := fmt.Sprintf(`{"talentId":%d,"version":1,"sellerId":1,"category":"redriven","title":"t","priceKrw":1,"tags":[],"at":"2026-11-22T09:00:00.123Z"}`, talent)
		attributes := fmt.Sprintf(`{"specversion":"1.0","id":"%s-%d","source":"/s","type":"somssi.talent.registered.v1","datacontenttype":"application/json",`+
			`"key":"grüße","knativeerrordest":"http://update-stats.somssi.svc.cluster.local","knativeerrorcode":"503"}`, id, n)
		_, err := db.ExecContext(t.Context(), `
			INSERT INTO dead_letter (key, kept_ms, dest, event_id, source, type, code, reason, attributes, data)
			VALUES ($1, $2, 'http://update-stats.somssi.svc.cluster.local', $3, '/s', 'somssi.talent.registered.v1', '503', 'mend me', $4, $5)`,
			fmt.Sprintf("%x%s", n, strings.ReplaceAll(uuid.NewString(), "-", "")), n, fmt.Sprintf("%s-%d", id, n), attributes, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
	}
	// Two at once, whatever one finds gone.
	args := []string{"dlq", "redrive", "--all", "--code", "503", "--type", "somssi.talent.registered.v1", "--rate", "100", "--state", common.state}
	code, out, _ := local(t, ".", append(args, "--dry-run")...)
	if code != 0 || strings.Count(out, "would be sent") != 3 || counted(t, u, "redriven") != 0 {
		t.Errorf("--dry-run: %d %s", code, out)
	}
	// One was sent, and a crash came before its row was taken out.
	first, err := dlq.Read(t.Context(), db, lettersOf(t, h, "update-stats", id+"-0", 1)[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := again(t.Context(), h.Run, first); err != nil || answer.Status != 204 || answer.FromRecord {
		t.Errorf("before the crash: %+v %v", answer, err)
	}
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if code := run(t.Context(), args, &strings.Builder{}, os.Stderr); code != 0 {
				t.Errorf("redrive: %d", code)
			}
		})
	}
	both.Wait()
	if got := counted(t, u, "redriven"); got != 3 {
		t.Errorf("%d counted, want 3", got)
	}
	for n := range 3 {
		lettersOf(t, h, "update-stats", fmt.Sprintf("%s-%d", id, n), 0)
	}
	var late redriven
	if err := late.send(t.Context(), h.Run, db, listed{Letter: dlq.Letter{Key: "gone"}}); err != nil || late.Result != "gone" {
		t.Errorf("of a letter that another redrive was quicker with: %+v %v", late, err)
	}
	if code, out, _ := local(t, ".", args...); code != 0 || out != "no such dead letters\n" {
		t.Errorf("a third redrive: %d %s", code, out)
	}
}

func TestDLQ_leaves_what_fails_again(t *testing.T) {
	h := house(t)
	id := poison(t, h)
	l := lettersOf(t, h, "update-stats", id, 1)[0]
	for n := 1; n <= 2; n++ {
		code, out, said := local(t, ".", "dlq", "redrive", l.Key[:16], "--state", common.state, "-o", "json")
		var results []redriven
		if err := json.Unmarshal([]byte(out), &results); err != nil || code != failed || len(results) != 1 || !strings.Contains(said, "1 of 1 were not taken") {
			t.Fatalf("redrive: %d %s %s", code, out, said)
		}
		if r := results[0]; r.Result != "failed" || r.Status != 422 || r.Why != "talentId, at or category is missing or wrong" || !r.FromRecord {
			t.Errorf("redrive: %+v", r)
		}
		if again := lettersOf(t, h, "update-stats", id, 1)[0]; again.Redrives != n || again.Redriven.IsZero() || again.Reason != l.Reason {
			t.Errorf("after it: %+v", again)
		}
	}
	if code, _, said := local(t, ".", "dlq", "purge", l.Key, "--state", common.state); code != wrong || !strings.Contains(said, "say --yes") {
		t.Errorf("purge without a yes: %d %s", code, said)
	}
	if code, out, _ := local(t, ".", "dlq", "purge", "--event", id, "--function", "update-stats", "--yes", "--state", common.state); code != 0 || out != "1 dead letters thrown away\n" {
		t.Errorf("purge: %d %s", code, out)
	}
	lettersOf(t, h, "update-stats", id, 0)
	lettersOf(t, h, "notify-interested", id, 1)
}

// What a shell is told when the user asks for more.
func TestComplete(t *testing.T) {
	h := house(t)
	l := lettersOf(t, h, "update-stats", poison(t, h), 1)[0]
	for args, want := range map[string]string{
		"invoke ":            "update-stats\n",
		"send ":              "new_talent_events\n",
		"capture --topic ":   "new_talent_events\n",
		"gen ":               "somssi.talent.closed.v1\n",
		"gen --kind ":        "hostile\n",
		"dlq ls --function ": "update-stats\n",
		"dlq show ":          l.Key[:8],
		"dlq redrive ":       "\tupdate-stats: talentId, at or category",
	} {
		_, out, _ := local(t, ".", append([]string{"__complete", "--state", common.state}, strings.Split(args, " ")...)...)
		if !strings.Contains(out, want) {
			t.Errorf("%q: %s\nwant %s", args, out, want)
		}
	}
}

func TestDLQ_says_what_is_wrong(t *testing.T) {
	house(t)
	for args, want := range map[string]string{
		"dlq lss":                      "there are ls, show, redrive and purge",
		"dlq show":                     "usage: go run ./local dlq show <key>",
		"dlq show nothing":             `"nothing": there is no such dead letter`,
		"dlq redrive":                  "either keys",
		"dlq redrive a --all":          "either keys",
		"dlq redrive a --code 422":     "go with --all",
		"dlq redrive --all --rate 0":   "more than 0",
		"dlq redrive nothing":          "there is no such dead letter",
		"dlq purge":                    "either keys",
		"dlq purge a --older 1d":       "either keys",
		"dlq ls --older soon":          `"soon" is no duration`,
		"dlq ls --older -5m":           `"-5m" is no duration`,
		"dlq purge --older 3w --yes":   `"3w" is no duration`,
		"dlq purge nothing --yes":      "there is no such dead letter",
		"dlq redrive --all --older 1x": "is no duration",
	} {
		if code, _, said := local(t, ".", append(strings.Fields(args), "--state", common.state)...); code != wrong || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s\nwant %s", args, code, said, want)
		}
	}
}

// What a function added to its dead letter by a Kne- header is not sent again,
// where the record is still there.
func TestDLQ_redrives_the_record_itself(t *testing.T) {
	h := house(t)
	id := poison(t, h)
	l := lettersOf(t, h, "update-stats", id, 1)[0]
	full, err := dlq.Read(t.Context(), sqlOf(t, h), l.Key)
	if err != nil {
		t.Fatal(err)
	}
	full.Attributes["added"] = "by the answer"
	answer, err := again(t.Context(), h.Run, full)
	if err != nil || !answer.FromRecord || answer.Status != 422 {
		t.Errorf("%+v %v", answer, err)
	}
	if code, out, said := local(t, ".", "why", id, "--state", common.state); code != 0 || !strings.Contains(out, "a dead letter still (a redrive)") {
		t.Errorf("why: %d %s\n%s", code, said, out)
	}
	full.Attributes["id"] = "another"
	var history []harness.Delivery
	if err := harness.Get(h.Run, "/dev/events?function=update-stats&event="+id, &history); err != nil || len(history) != 2 || !history[1].Redrive || !history[1].Replay ||
		history[1].Fate != "dead letter" || history[1].Offset != history[0].Offset || history[1].Attempts[0].Status != 422 || history[1].Attempts[0].Answer == "" {
		t.Errorf("the history has %+v (%v)", history, err)
	}
	if answer, err = again(t.Context(), h.Run, full); err != nil || answer.FromRecord || answer.Event != "another" {
		t.Errorf("of another event: %+v %v", answer, err)
	}
	full.Dest, full.Function = "http://gone", "gone"
	if err := (&shown{Letter: full}).remember(h.Run); err != nil {
		t.Errorf("the history of a function that is gone: %v", err)
	}
	if _, err = again(t.Context(), h.Run, full); err == nil || !strings.Contains(err.Error(), `no function "gone"`) {
		t.Errorf("of no function: %v", err)
	}
}

// An event that no header can carry was never sent to the function, and is not
// sent now, with another id, either.
func TestDLQ_does_not_send_another_event(t *testing.T) {
	h := house(t)
	mark := uuid.NewString()
	for event, want := range map[string]string{
		"a\\u0001" + mark: "attribute id has a control character: not sent",
		"솜" + mark:        "talentId, at or category is missing or wrong",
	} {
		write(t, h, `{"specversion":"1.0","id":"`+event+`","source":"/s","type":"somssi.talent.registered.v1","data":{"talentId":1}}`)
		kept := "a?" + mark
		if strings.HasPrefix(event, "솜") {
			kept = "?" + mark
		}
		l := lettersOf(t, h, "update-stats", kept, 1)[0]
		code, out, _ := local(t, ".", "dlq", "redrive", l.Key, "--state", common.state, "-o", "json")
		var results []redriven
		if err := json.Unmarshal([]byte(out), &results); err != nil || code != failed || results[0].Why != want || !results[0].FromRecord {
			t.Errorf("%s: %d %s, want %s", event, code, out, want)
		}
		lettersOf(t, h, "update-stats", kept, 1)
		if code, out, said := local(t, ".", "dlq", "show", l.Key, "--state", common.state); code != 0 || !strings.Contains(out, "attempt 1 ") {
			t.Errorf("show: %d %s\n%s", code, said, out)
		}
		if strings.HasPrefix(event, "a") { // no function got it: others count such letters
			lettersOf(t, h, "adopt-talent", kept, 1)
			if code, _, said := local(t, ".", "dlq", "purge", "--event", kept, "--yes", "--state", common.state); code != 0 {
				t.Error(said)
			}
		}
	}
}

// Of an event that died and was taken when it was sent again, why says so.
func TestDLQ_redrive_is_told_by_why(t *testing.T) {
	h := house(t)
	id := uuid.NewString()
	event := file(t, `{"specversion":"1.0","id":"`+id+`","source":"/s","type":"somssi.talent.praised.v1","data":{"talentId":1}}`)
	_, out, said := local(t, ".", "send", "new_talent_events", event, "--wait", "-o", "json", "--state", common.state)
	var sent outcome
	if err := json.Unmarshal([]byte(out), &sent); err != nil || len(sent.Sent) != 1 {
		t.Fatalf("send: %s %s", out, said)
	}
	_, err := sqlOf(t, h).ExecContext(t.Context(), `
		INSERT INTO dead_letter (key, kept_ms, dest, event_id, source, type, code, reason, attributes, data)
		VALUES ($1, 1, 'http://update-stats.somssi.svc.cluster.local', $2, '/s', 'somssi.talent.praised.v1', '503', 'away', $3, $4)`,
		id, id, fmt.Sprintf(`{"specversion":"1.0","id":"%s","source":"/s","type":"somssi.talent.praised.v1","knativekafkapartition":"%d","knativekafkaoffset":"%d",`+
			`"added":"by the answer"}`, id, sent.Sent[0].Partition, sent.Sent[0].Offset), []byte(`{"talentId":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if code, out, said := local(t, ".", "dlq", "redrive", id, "--state", common.state); code != 0 || !strings.Contains(out, "done  204 in") {
		t.Errorf("redrive: %d %s %s", code, out, said)
	}
	lettersOf(t, h, "update-stats", id, 0)
	if code, out, said := local(t, ".", "why", id, "--state", common.state); code != 0 || !strings.Contains(out, "update-stats/talents  done (a redrive)\n") {
		t.Errorf("why: %d %s\n%s", code, said, out)
	}
}
