package main

import (
	"bufio"
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"somssi/shared"
	"somssi/shared/eventtest"
)

func TestKeep(t *testing.T) {
	const (
		why     = "talentId, at or category is missing or wrong"
		refused = "http://update-stats.somssi.svc.cluster.local 422 somssi.talent.registered.v1 01995a3e-7c00-7000-8000-000000000101 of /somssi/register-talent: " + why
	)
	for _, tc := range []struct {
		name   string
		events []string // testdata: what arrives, in order
		want   []string // what is kept
	}{
		{name: "keeps_what_was_refused", events: []string{"refused"}, want: []string{refused}},
		{name: "keeps_a_redelivery_once", events: []string{"refused", "refused", "refused"}, want: []string{refused}},
		{name: "keeps_each_death_of_an_event", events: []string{"refused", "redriven", "refused"}, want: []string{refused, refused}},
		{name: "says_what_is_wrong_with_fields", events: []string{"refused-fields"},
			want: []string{strings.ReplaceAll(refused, why, "the request breaks a rule: title is missing; tags are too many")}},
		{name: "keeps_an_answer_that_is_no_problem", events: []string{"refused-html"},
			want: []string{strings.ReplaceAll(strings.ReplaceAll(refused, why, "<html>  <h1>나쁜 게이트웨이</h1>  </html>"), "422", "502")}},
		{name: "keeps_what_was_never_answered", events: []string{"unreachable"},
			want: []string{strings.ReplaceAll(strings.ReplaceAll(refused, why, ""), " 422 ", "  ")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				before := time.Now().UnixMilli()
				for _, name := range tc.events {
					if got := deliver(s.DB, request(t, name)); got != http.StatusNoContent {
						t.Errorf("%s: status %d", name, got)
					}
				}
				var got []string
				for _, r := range kept(t, s.DB) {
					got = append(got, fmt.Sprintf("%s %s %s %s of %s: %s", r.dest, r.code, r.typ, r.id, r.source, r.reason))
					if string(r.data) != `{"talentId":1001}` || r.ms < before || r.ms > time.Now().UnixMilli() || len(r.key) != 64 {
						t.Errorf("row %+v", r)
					}
					for name, value := range map[string]string{"knativekafkapartition": "3", "datacontenttype": "application/json", "subject": "talent/1001",
						"specversion": "1.0", "time": "2026-11-22T09:00:00.12Z", "partitionkey": "1001"} {
						if r.attributes[name] != value {
							t.Errorf("attribute %s is %q, want %q", name, r.attributes[name], value)
						}
					}
				}
				if !slices.Equal(got, tc.want) {
					t.Errorf("kept %q, want %q", got, tc.want)
				}
			})
		})
	}
}

// Whatever a request is like, it is kept, once, as text that can be read.
func TestHostile(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(h http.Header) // of a delivery of refused.json
		data   string
		want   map[string]string // attributes: exactly these where there are no others
	}{
		{"no_attributes", func(h http.Header) { clear(h) }, "x", map[string]string{}},
		{"nothing_at_all", func(h http.Header) { clear(h) }, "", map[string]string{}},
		{"nul_in_a_header", func(h http.Header) { h.Set("Ce-Id", "a\x00b") }, "x", map[string]string{"id": "a�b"}},
		{"lines_in_a_header", func(h http.Header) { h.Set("Ce-Type", "a\r\nb\x7f\x1b[31m") }, "x", map[string]string{"type": "a��b��[31m"}},
		{"latin1", func(h http.Header) { h.Set("Ce-Subject", "gr\xfc\xdfe\x85") }, "x", map[string]string{"subject": "grüße�"}},
		{"utf8", func(h http.Header) { h.Set("Ce-Subject", "솜씨 🎸") }, "x", map[string]string{"subject": "솜씨 🎸"}},
		{"half_a_character", func(h http.Header) { h.Set("Ce-Source", "\xed\xa0\x80") }, "x", map[string]string{"source": "í\u00a0�"}},
		{"empty_name", func(h http.Header) { h.Set("Ce-", "a") }, "x", map[string]string{"": "a"}},
		{"odd_name", func(h http.Header) { h["Ce-\xff\x00"] = []string{"a"} }, "x", map[string]string{"ÿ�": "a"}},
		{"name_in_lower_case", func(h http.Header) { h.Del("Ce-Id"); h["ce-id"] = []string{"a"} }, "x", map[string]string{"id": "a"}},
		{"two_values", func(h http.Header) { h["Ce-Id"] = []string{"a", "b"} }, "x", map[string]string{"id": "a"}},
		{"no_value", func(h http.Header) { h["Ce-Id"] = nil }, "x", map[string]string{"id": ""}},
		{"sql", func(h http.Header) { h.Set("Ce-Id", `'); DROP TABLE dead_letter;--`) }, "x", map[string]string{"id": `'); DROP TABLE dead_letter;--`}},
		{"wrong_version", func(h http.Header) { h.Set("Ce-Specversion", "7") }, "x", map[string]string{"specversion": "7"}},
		{"structured", func(h http.Header) { clear(h); h.Set("Content-Type", "application/cloudevents+json") }, `{"id":`,
			map[string]string{"datacontenttype": "application/cloudevents+json"}},
		{"content_type_of_bytes", func(h http.Header) { h.Set("Content-Type", "\xff;;\x00") }, "x", map[string]string{"datacontenttype": "ÿ;;�"}},
		{"data_of_bytes", func(http.Header) {}, "\x00\xff\xfe\x00", nil},
		{"largest", func(http.Header) {}, strings.Repeat("\x00", 1<<20), nil},
		{"many", func(h http.Header) {
			for i := range 1000 {
				h.Set(fmt.Sprintf("Ce-X%d", i), "a")
			}
		}, "x", map[string]string{"x0": "a", "x999": "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
				for range 2 {
					r := request(t, "refused")
					tc.change(r.Header)
					r.Body = io.NopCloser(strings.NewReader(tc.data))
					if got := deliver(s.DB, r); got != http.StatusNoContent {
						t.Errorf("status %d", got)
					}
				}
				rows := kept(t, s.DB)
				if len(rows) != 1 {
					t.Fatalf("%d rows, want 1", len(rows))
				}
				row := rows[0]
				if string(row.data) != tc.data {
					t.Errorf("data of %d bytes %.20q, want %d bytes", len(row.data), row.data, len(tc.data))
				}
				for name, value := range tc.want {
					if got := row.attributes[name]; got != value {
						t.Errorf("attribute %q is %q, want %q", name, got, value)
					}
				}
				if row.attributes["knativeerrordest"] == "" && !maps.Equal(row.attributes, tc.want) {
					t.Errorf("attributes %q, want %q", row.attributes, tc.want)
				}
				if row.id != row.attributes["id"] || row.typ != row.attributes["type"] || row.source != row.attributes["source"] {
					t.Errorf("row %+v does not agree with its attributes", row)
				}
			})
		})
	}
}

func TestReason(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	for _, tc := range []struct{ name, encoded, want string }{
		{"nothing", "", ""},
		{"detail", b64([]byte(`{"detail":"try again"}`)), "try again"},
		{"errors_alone", b64([]byte(`{"errors":[{"field":"id","reason":"is missing"}]}`)), "id is missing"},
		{"unknown_members", b64([]byte(`{"detail":"a","instance":"/x","more":[1]}`)), "a"},
		{"another_json", b64([]byte(`{"error":"a"}`)), `{"error":"a"}`},
		{"detail_no_text", b64([]byte(`{"detail":5}`)), `{"detail":5}`},
		{"cut_json", b64([]byte(`{"detail":"a","errors":[{"fie`)), `{"detail":"a","errors":[{"fie`},
		{"lines", b64([]byte("a\r\nb\tc\n")), "a  b c"},
		{"escapes", b64([]byte("\x1b[31mred\x00\u202e\u200b")), "�[31mred���"},
		{"escapes_in_json", b64([]byte(`{"detail":"a\u0000\u001bb\u202e"}`)), "a��b�"},
		{"bytes", b64([]byte("\xff\xfe")), "��"},
		{"long", b64(bytes.Repeat([]byte("\xff"), 1024)), strings.Repeat("�", 341)},
		{"longest", b64(bytes.Repeat([]byte("a"), 1024)), strings.Repeat("a", 1024)},
		{"no_base64", "grüße!", "grüße!"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := reason(tc.encoded)
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
			if len(got) > 1024 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
				t.Errorf("%d bytes that no terminal should get", len(got))
			}
		})
	}
}

// The key tells deliveries apart by each of its parts, and by no moving of text
// from one part to the next.
func TestKey(t *testing.T) {
	seen := map[string]string{}
	for name, k := range map[string]string{
		"base":      key(map[string]string{"id": "a", "source": "b"}, []byte("c")),
		"id":        key(map[string]string{"id": "aa", "source": "b"}, []byte("c")),
		"source":    key(map[string]string{"id": "a", "source": "bb"}, []byte("c")),
		"moved":     key(map[string]string{"id": "", "source": "ba"}, []byte("c")),
		"dest":      key(map[string]string{"id": "a", "source": "b", "knativeerrordest": "d"}, []byte("c")),
		"partition": key(map[string]string{"id": "a", "source": "b", "knativekafkapartition": "1"}, []byte("c")),
		"offset":    key(map[string]string{"id": "a", "source": "b", "knativekafkaoffset": "1"}, []byte("c")),
		"body":      key(map[string]string{"id": "a", "source": "b"}, []byte("cc")),
	} {
		if seen[k] != "" {
			t.Errorf("%s and %s have one key", name, seen[k])
		}
		seen[k] = name
	}
	if key(map[string]string{"knativeerrorcode": "503"}, nil) != key(map[string]string{"knativeerrorcode": "422"}, nil) {
		t.Error("how it died makes another dead letter")
	}
}

func TestDeliveriesAtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		var deliveries sync.WaitGroup
		for range 10 {
			r := request(t, "refused")
			deliveries.Go(func() {
				if got := deliver(s.DB, r); got != http.StatusNoContent {
					t.Errorf("status %d", got)
				}
			})
		}
		deliveries.Wait()
		if rows := kept(t, s.DB); len(rows) != 1 {
			t.Errorf("%d rows, want 1", len(rows))
		}
	})
}

func TestTooLarge(t *testing.T) {
	s := eventtest.Embedded(t)
	r := request(t, "refused")
	r.Body = io.NopCloser(strings.NewReader(strings.Repeat("a", 1<<20+1)))
	if got := deliver(s.DB, r); got != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", got)
	}
	if rows := kept(t, s.DB); len(rows) != 0 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestSQLAway(t *testing.T) {
	if got := deliver(eventtest.SQLAway(t), request(t, "refused")); got != http.StatusServiceUnavailable {
		t.Errorf("status %d", got)
	}
}

// The gauge is what is kept now, and no figure where SQL does not say.
func TestKept(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := handler{s.DB}
		for i, name := range []string{"refused", "refused", "redriven"} {
			if n := h.kept(); n != float64(min(i, 1)) {
				t.Errorf("%v kept before %s", n, name)
			}
			deliver(s.DB, request(t, name))
		}
		if n := h.kept(); n != 2 {
			t.Errorf("%v kept, want 2", n)
		}
		if _, err := s.DB.ExecContext(t.Context(), `DELETE FROM dead_letter`); err != nil {
			t.Fatal(err)
		}
		if n := h.kept(); n != 0 {
			t.Errorf("%v kept after all were thrown away", n)
		}
	})
	if n := (handler{eventtest.SQLAway(t)}).kept(); !math.IsNaN(n) {
		t.Errorf("%v kept with SQL away", n)
	}
}

// Over a real connection, byte for byte.
func TestOnTheWire(t *testing.T) {
	for _, tc := range []struct {
		name, text, answer string
		kept               int
	}{
		{"latin1", "POST / HTTP/1.1\r\nHost: a\r\nce-id: gr\xfc\xdfe\r\nce-: x\r\nContent-Length: 2\r\n\r\n{}", "204", 1},
		{"body_ends_early", "POST / HTTP/1.1\r\nHost: a\r\nce-id: a\r\nContent-Length: 20\r\n\r\n{}", "400", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := eventtest.Embedded(t)
			server := httptest.NewServer(shared.Answer(handler{s.DB}.keep))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := conn.Write([]byte(tc.text)); err != nil {
				t.Fatal(err)
			}
			if tc.kept == 0 {
				if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.Contains(line, tc.answer) {
				t.Errorf("answer %q (%v), want %s", line, err, tc.answer)
			}
			if rows := kept(t, s.DB); len(rows) != tc.kept || tc.kept == 1 && rows[0].id != "grüße" {
				t.Errorf("kept %+v", rows)
			}
		})
	}
}

// request is the delivery of the dead letter in testdata/name.json.
func request(t *testing.T, name string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	e := eventtest.Load(t, name+".json")
	if err := cehttp.WriteRequest(t.Context(), binding.ToMessage(&e), r); err != nil {
		t.Fatal(err)
	}
	return r
}

func deliver(db *sql.DB, r *http.Request) int {
	w := httptest.NewRecorder()
	shared.Answer(handler{db}.keep)(w, r)
	return w.Code
}

type row struct {
	key, dest, id, source, typ, code, reason string
	ms                                       int64
	attributes                               map[string]string
	data                                     []byte
}

func kept(t *testing.T, db *sql.DB) (all []row) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT key, kept_ms, dest, event_id, source, type, code, reason, attributes, data FROM dead_letter`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		var attributes string
		err := rows.Scan(&r.key, &r.ms, &r.dest, &r.id, &r.source, &r.typ, &r.code, &r.reason, &attributes, &r.data)
		if err == nil {
			err = json.Unmarshal([]byte(attributes), &r.attributes)
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
