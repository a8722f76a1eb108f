package harness

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"somssi/local/source"
)

func TestExplain_why_it_was_tried_again(t *testing.T) {
	kept := &trigger{config: source.Config{DeadLetterSink: "http://keep.ns", Delivery: source.Delivery{Retry: 2}}}
	bare := &trigger{config: source.Config{}}
	again, refused, gone := Attempt{Status: 503, Again: true}, Attempt{Status: 422}, Attempt{Error: "connection refused", Again: true}
	broke, dead, deadAgain := Attempt{Status: 422, Broke: true}, Attempt{Status: 204, Dead: true}, Attempt{Status: 500, Again: true, Dead: true}
	for _, tc := range []struct {
		name  string
		of    *trigger
		made  []Attempt
		ended bool
		want  string
	}{
		{"accepted", kept, []Attempt{{Status: 204}}, true, "1 accepted"},
		{"again", kept, []Attempt{again, {Status: 204}}, true, "1 503 is tried again; 2 accepted"},
		{"no_answer", kept, []Attempt{gone, {Status: 204}}, true, "1 no answer is tried again; 2 accepted"},
		{"refused", kept, []Attempt{refused, dead}, true, "1 422 is not tried again: straight to the dead letter sink; 1 accepted"},
		{"refused_for_nobody", bare, []Attempt{refused}, true, "1 422 is not tried again: it would go to the dead letter sink, and there is none"},
		{"used_up", kept, []Attempt{again, again, again, dead}, true,
			"1 503 is tried again; 2 503 is tried again; 3 503 is tried again, but the retries are used up: 2 of 2; 1 accepted"},
		{"no_retry", bare, []Attempt{again}, true, "1 503 is tried again, but the retries are used up: 0 of 0"},
		{"policy_is_gone", nil, []Attempt{again}, true, "1 503 is tried again, but the retries were used up"},
		{"waiting", kept, []Attempt{again}, false, "1 503 is tried again"},
		{"broke", kept, []Attempt{broke, broke, {Status: 204}}, true,
			"1 held by the break: the same attempt is made again when it is let through; 1 held by the break: the same attempt is made again when it is let through; 1 accepted"},
		{"dead_letter_sink_too", kept, []Attempt{refused, deadAgain, {Status: 400, Dead: true}}, true,
			"1 422 is not tried again: straight to the dead letter sink; 1 500 is tried again; 2 400 is not tried again"},
		{"bad_reply", kept, []Attempt{{Status: 200, Error: "no CloudEvent"}, dead}, true, "1 no CloudEvent is not tried again: straight to the dead letter sink; 1 accepted"},
	} {
		var got []string
		for _, a := range explainAttempts(tc.of, tc.made, tc.ended) {
			got = append(got, fmt.Sprint(a.N, " ", a.Why))
		}
		if text := strings.Join(got, "; "); text != tc.want {
			t.Errorf("%s:\n%s, want\n%s", tc.name, text, tc.want)
		}
	}
}

func TestExplain_fate(t *testing.T) {
	dead := []Attempt{{Status: 422}, {To: "http://keep-dead-letters.somssi.svc.cluster.local", Dead: true}}
	for want, d := range map[string]Delivery{
		"done":          {Fate: source.Done},
		"(a replay)":    {Fate: source.Done, Replay: true},
		"answered with": {Fate: source.Done, Reply: &Reply{"r1", "a.b"}},
		"a dead letter, kept by keep-dead-letters":                  {Fate: source.DeadLetter, Attempts: dead},
		"LOST: the dead letter sink keep-dead-letters did not take": {Fate: source.Lost, Attempts: dead},
		"LOST: it was not taken, and there is no dead letter sink":  {Fate: source.Lost, Attempts: dead[:1]},
		"filtered: type = 'a', and it is 'b'":                       {Fate: source.Filtered, Clause: "type = 'a', and it is 'b'"},
		"discarded: the record is no CloudEvent":                    {Fate: source.Discarded},
	} {
		if got := verdict(&d); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestExplain_what_holds_the_commit(t *testing.T) {
	of := &trigger{config: source.Config{Delivery: source.Delivery{Retry: 2}}}
	now := Source{Group: "g", Partitions: []Partition{{Topic: "x", Partition: 1, Committed: 5, Position: 7, End: 20}}}
	held := Flight{Delivery: Delivery{Event: "seven", Topic: "x", Partition: 1, Offset: 7, Attempts: []Attempt{{Status: 503, Again: true}}}, State: source.Waiting, Until: time.Now()}
	busy := now
	busy.InFlight = []Flight{held}
	for _, tc := range []struct {
		offset int64
		now    Source
		want   string
	}{
		{4, now, "offset 4 is committed: group g stands at 5"},
		{6, now, "goes with the next commit"},
		{8, now, "offset 8 is not committed: the lowest unfinished offset is 7"},
		{8, busy, "event seven at offset 7 comes first: waits until"},
		{8, Source{}, "no such partition now"},
	} {
		if got := commit(of, &Delivery{Topic: "x", Partition: 1, Offset: tc.offset}, tc.now); !strings.Contains(got, tc.want) {
			t.Errorf("%d: %q, want %q", tc.offset, got, tc.want)
		}
	}
	w := &Why{Topic: "x", Records: []Record{{1, 9}}}
	if got := absent(of, w, busy); !strings.Contains(got, "not reached yet: this is offset 9, and event seven at offset 7 comes first: waits until") || !strings.Contains(got, "for attempt 2") {
		t.Errorf("absent: %q", got)
	}
	w.Records[0].Offset = 3
	if got := absent(of, w, busy); !strings.Contains(got, "it stands at offset 7 already") {
		t.Errorf("absent: %q", got)
	}
}

func TestExplain_next_attempt(t *testing.T) {
	of := &trigger{config: source.Config{Delivery: source.Delivery{Retry: 1}}}
	again := Attempt{Status: 503, Again: true}
	for want, made := range map[string][]Attempt{
		"attempt 1":                         nil,
		"attempt 2":                         {again},
		"attempt 1 at the dead letter sink": {again, again},
		"attempt 2 at the dead letter sink": {{Status: 422}, {Status: 500, Again: true, Dead: true}},
	} {
		if got := nextAttempt(of, made); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := nextAttempt(of, []Attempt{{Status: 422, Broke: true}}); got != "attempt 1" {
		t.Errorf("after a break: %q", got)
	}
}

func TestCaused_is_a_tree(t *testing.T) {
	h, at := &History{}, time.Now()
	for i, d := range []Delivery{
		{Function: "stats", Event: "before", Source: "/x/adopt", Cause: "m", Fate: source.Done}, // of an event of that id before
		{Function: "adopt", Event: "m", Trace: "", Fate: source.Done},
		{Function: "stats", Event: "m", Fate: source.Done},
		{Function: "stats", Event: "e", Source: "/x/adopt", Cause: "m", Trace: "t1", Fate: source.Done, Reply: &Reply{"r", "a.r"}},
		{Function: "cache", Event: "e", Source: "/x/adopt", Cause: "m", Trace: "t1", Fate: source.DeadLetter, Attempts: []Attempt{{Dead: true}}},
		{Function: "cache", Event: "f", Source: "/x/cache", Trace: "t1", Fate: source.Done},
		{Function: "cache", Event: "other", Source: "/x/other", Cause: "m", Fate: source.Done},                  // by a function that had nothing to do with it
		{Function: "stats", Event: "elsewhere", Source: "/x/cache", Cause: "x", Trace: "t1", Fate: source.Done}, // says itself what caused it
		{Function: "adopt", Event: "m", Source: "/x/cache", Cause: "f", Trace: "t1", Fate: source.Done},         // a circle
	} {
		d.At = at.Add(time.Duration(i) * time.Second)
		h.add(d)
	}
	house, rows := &Harness{History: h}, h.After(0)
	text := ""
	var write func(all []Caused)
	write = func(all []Caused) {
		for _, c := range all {
			text += fmt.Sprintf("(%s by %s %d", c.Event, c.By, len(c.Fates))
			write(c.Caused)
			text += ")"
		}
	}
	write(house.caused(&rows[1], time.Time{}))
	if want := "(e by cause 2(r by reply 0)(f by trace 1))"; text != want {
		t.Errorf("%s, want %s", text, want)
	}
	if got := house.caused(&rows[2], time.Time{}); len(got) != 0 {
		t.Errorf("%+v came of a function that published nothing", got)
	}
	if got := house.caused(&rows[1], rows[3].At); len(got) != 0 {
		t.Errorf("%+v came of a delivery before the next one", got)
	}
}

func TestExplain_where_it_stands(t *testing.T) {
	of := &trigger{config: source.Config{Delivery: source.Delivery{Retry: 1}}}
	again := []Attempt{{Status: 503, Again: true}}
	for want, f := range map[string]Flight{
		"attempt 1 is under way, for ":                       {State: source.Attempting, Since: time.Now()},
		" for attempt 2":                                     {State: source.Waiting, Until: time.Now(), Delivery: Delivery{Attempts: again}},
		"held by the pause before attempt 2: step or resume": {State: source.Held, Delivery: Delivery{Attempts: again}},
		"held by the break since its last attempt failed":    {State: source.Held, Delivery: Delivery{Attempts: []Attempt{{Status: 422, Broke: true}}}},
	} {
		if got := standing(of, f); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
