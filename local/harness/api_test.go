package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"somssi/local/source"
	"somssi/shared"
)

// devOf asks the API of a gateway whose history has the rows.
func devOf(t *testing.T, rows ...Delivery) func(method, path string, header ...string) (int, string) {
	t.Helper()
	g, h := gatewayOf(t)
	for _, d := range rows {
		h.History.add(d)
	}
	return func(method, path string, header ...string) (int, string) {
		r := httptest.NewRequestWithContext(t.Context(), method, "http://localhost:8080"+path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
			if header[i] == "Host" {
				r.Host = header[i+1]
			}
		}
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

func TestAPI_is_for_this_machine_only(t *testing.T) {
	ask := devOf(t)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "127.1.2.3": 200, "[::1]:8080": 200, "Somssi.LOCALHOST:8080": 200, "localhost.": 200,
		"evil.example": 403, "evil.example:8080": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "notlocalhost": 403, "10.0.0.1": 403, "": 403, "[::ffff:10.0.0.1]": 403,
	} {
		if status, body := ask("GET", "/dev/events", "Host", host); status != want {
			t.Errorf("Host %q: %d %s, want %d", host, status, body, want)
		}
	}
	if status, _ := ask("POST", "/dev/sources/a/b/pause", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("another site's page: %d, want 403", status)
	}
}

func TestAPI_events_by_filter(t *testing.T) {
	ask := devOf(t,
		Delivery{Function: "f", Event: "a1", Topic: "x", Fate: source.Done},
		Delivery{Function: "f", Event: "a2", Topic: "y", Fate: source.DeadLetter},
		Delivery{Function: "g", Event: "b1", Topic: "x", Fate: source.Filtered},
		Delivery{Function: "g", Event: "b2", Topic: "x", Fate: source.Done},
	)
	for query, want := range map[string]string{
		"": "a1 a2 b1 b2", "?after=2": "b1 b2", "?last=1": "b2", "?function=f": "a1 a2", "?function=g&fate=done": "b2",
		"?fate=dead-letter": "a2", "?fate=dead+letter": "a2", "?event=a": "a1 a2", "?topic=x&last=2": "b1 b2", "?function=read-inbox": "",
	} {
		status, body := ask("GET", "/dev/events"+query)
		var rows []Delivery
		if err := json.Unmarshal([]byte(body), &rows); err != nil || status != 200 || rows == nil {
			t.Errorf("%s: %d %s", query, status, body)
		}
		var got []string
		for _, d := range rows {
			got = append(got, d.Event)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?fate=gone": "there are done, dead letter", "?after=-1": "no number", "?last=x": "no number", "?functoin=f": "no parameter", "?function=nobody": "there are read-inbox",
	} {
		status, body := ask("GET", "/dev/events"+query)
		var problem shared.Problem
		if err := json.Unmarshal([]byte(body), &problem); err != nil || status != 400 || problem.Status != 400 || !strings.Contains(problem.Detail, want) {
			t.Errorf("%s: %d %s, want %q", query, status, body, want)
		}
	}
	f := Filter{After: 3, Function: "f", Fate: source.DeadLetter, Event: "a/b c", Topic: "x", Trigger: "t", Last: 7}
	query, err := url.ParseQuery(f.Query())
	if err != nil {
		t.Fatal(err)
	}
	if back, err := readFilter(query); err != nil || back != f {
		t.Errorf("%+v is read back as %+v (%v)", f, back, err)
	}
}

func TestAPI_why_by_id_prefix_and_place(t *testing.T) {
	ask := devOf(t,
		Delivery{Function: "f", Trigger: "t", Event: "partition:1/offset:4", Source: "/kafkasources/f#x", Type: wrapped, Topic: "x", Partition: 1, Offset: 4, Fate: source.Done},
		Delivery{Function: "g", Trigger: "t", Event: "partition:1/offset:4", Source: "/kafkasources/g#x", Type: wrapped, Topic: "x", Partition: 1, Offset: 4, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "partition:1/offset:4", Source: "/kafkasources/f#y", Type: wrapped, Topic: "y", Partition: 1, Offset: 4, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "partition:1/offset:45", Type: wrapped, Topic: "x", Partition: 1, Offset: 45, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "one", Source: "/a", Topic: "x", Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "one", Source: "/b", Topic: "x", Offset: 1, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "http://x//two?a b", Source: "/a", Topic: "x", Offset: 2, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Event: "http://x//two?a b", Source: "/a", Topic: "x", Offset: 3, Fate: source.Done},
		Delivery{Function: "f", Trigger: "t", Topic: "x", Offset: 9, Fate: source.Discarded},
	)
	for id, want := range map[string]string{
		"partition:1/offset:4":  "x 1 records 2 triggers, y 1 records 1 triggers",
		"partition:1/offset:45": "x 1 records 1 triggers",
		"one":                   "x 1 records 1 triggers, x 1 records 1 triggers",
		"http:":                 "x 2 records 1 triggers",
		"http://x//two?a b":     "x 2 records 1 triggers",
		"x/1@4":                 "x 1 records 2 triggers",
		"x/0@9":                 "x 1 records 1 triggers",
	} {
		status, body := ask("GET", "/dev/why/"+url.PathEscape(id))
		var found []Why
		if err := json.Unmarshal([]byte(body), &found); err != nil || status != 200 {
			t.Errorf("%s: %d %s", id, status, body)
		}
		var got []string
		for _, w := range found {
			n := 0
			if (w.Type == wrapped) != (w.Source == "" && w.Event != "") {
				t.Errorf("%s: source %q of a %s: each trigger wraps in its own name", id, w.Source, w.Type)
			}
			for _, r := range w.Triggers {
				if len(r.Deliveries) > 0 {
					n++
				} else if r.Kind != "http" || r.Said == "" {
					t.Errorf("%s: %+v", id, r)
				}
			}
			got = append(got, fmt.Sprintf("%s %d records %d triggers", w.Topic, len(w.Records), n))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %v, want %s", id, got, want)
		}
	}
	if status, body := ask("GET", "/dev/why/partition"); status != 409 || !strings.Contains(body, "2 events begin with") || !strings.Contains(body, "partition:1/offset:45") {
		t.Errorf("two begin so: %d %s", status, body)
	}
	if status, body := ask("GET", "/dev/why/nothing"); status != 404 || !strings.Contains(body, "numbers 1 to 9") || !strings.Contains(body, "local events") {
		t.Errorf("unknown: %d %s", status, body)
	}
}

func TestAPI_refuses_with_what_to_do(t *testing.T) {
	ask := devOf(t)
	for request, want := range map[string]string{
		"POST /dev/sources/f/t/pause":              "404 no source is running yet",
		"POST /dev/sources/f/t/break?on=sometimes": "400 on=failure or on=off",
		"POST /dev/sources/f/t/step?wait=1h":       "400 at most 1m",
		"POST /dev/replay":                         "415 application/json",
	} {
		method, path, _ := strings.Cut(request, " ")
		status, body := ask(method, path)
		if code, text, _ := strings.Cut(want, " "); fmt.Sprint(status) != code || !strings.Contains(body, text) {
			t.Errorf("%s: %d %s, want %s", request, status, body, want)
		}
	}
}

func TestReplay_reads_its_words(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	one := int32(1)
	for _, tc := range []struct {
		q    ReplayRequest
		want source.Range
	}{
		{ReplayRequest{From: "beginning"}, source.Range{Partition: -1}},
		{ReplayRequest{From: "17", Until: "18", Topic: "x", Partition: &one, Event: "e"}, source.Range{From: 17, Until: 18, Topic: "x", Partition: 1, Event: "e"}},
		{ReplayRequest{From: "10m", Until: "end"}, source.Range{Since: now.Add(-10 * time.Minute), Partition: -1}},
		{ReplayRequest{From: "2026-11-25T08:00:00+09:00", Until: "2m"}, source.Range{Since: time.Date(2026, 11, 24, 23, 0, 0, 0, time.UTC), Before: now.Add(-2 * time.Minute), Partition: -1}},
	} {
		got, err := tc.q.which(now)
		if got.Since = got.Since.UTC(); err != nil || got != tc.want {
			t.Errorf("%+v is %+v (%v), want %+v", tc.q, got, err, tc.want)
		}
	}
	for _, q := range []ReplayRequest{{}, {From: "-1"}, {From: "yesterday"}, {From: "end"}, {From: "0", Until: "0"}, {From: "0", Until: "beginning"}, {From: "-5m"}} {
		if got, err := q.which(now); err == nil {
			t.Errorf("%+v is %+v, want an error", q, got)
		}
	}
}
