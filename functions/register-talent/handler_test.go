package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	ce "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/jsonschema-go/jsonschema"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const (
	taken  = 1 << 40 // the id of a talent that is there already
	seller = 42
	other  = 43
)

// house is the function with stores of its own, and one open talent of seller's.
type house struct {
	*handler
	kafka  *kgo.Client // consumes what is published; nil where Kafka is away
	routes http.Handler
	token  func(user int64, claims map[string]any) string
}

func build(t *testing.T, s eventtest.Stores) *house {
	t.Helper()
	kafka := eventtest.Kafka(t, "new_talent_events")
	h := furnish(t, s, kafka.OptValue(kgo.SeedBrokers).([]string)[0])
	h.kafka = kafka
	t.Cleanup(h.outbox.Close)
	return h
}

func furnish(t *testing.T, s eventtest.Stores, brokers string) *house {
	t.Helper()
	t.Setenv("KAFKA_BROKERS", brokers)
	users, token := eventtest.Users(t)
	h := &house{token: token}
	h.handler = &handler{users: users, outbox: shared.OpenOutbox("register-talent", s.DB), rdb: s.Redis}
	h.routes = h.handler.routes()
	h.exec(t, `INSERT INTO talents (talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms)
		VALUES ($1, 3, 42, 'piano', '피아노 레슨', 30000, '["초보"]', 'open', 1700000000000, 1700000000500)`, taken)
	return h
}

func (h *house) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := h.outbox.DB.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func (h *house) count(t *testing.T, query string, args ...any) (n int) {
	t.Helper()
	if err := h.outbox.DB.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// ask makes a request of user's, 0 for nobody's. Headers are name, value, ….
func (h *house) ask(t *testing.T, user int64, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if user != 0 {
		r.Header.Set("Authorization", "Bearer "+h.token(user, nil))
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.routes.ServeHTTP(w, r)
	return w
}

// told is an answer: its status and, where there is one, its body.
func told(w *httptest.ResponseRecorder) string {
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body))
}

// faults are the fields that a problem names.
func faults(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p shared.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	var names []string
	for _, f := range p.Errors {
		names = append(names, f.Field)
	}
	return strings.Join(names, " ")
}

func TestRegister(t *testing.T) {
	long := func(n int) string { return strings.Repeat("솜", n) }
	tags := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"t%d"`, i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for _, tc := range []struct {
			name, body string
			status     int
			faults     string // the fields named
			stored     string // category|title|price|tags
		}{
			{"all", `{"category":"piano","title":" 레슨 ","priceKrw":30000,"tags":["초보"," 성인"]}`, 201, "", `piano|레슨|30000|["초보","성인"]`},
			{"without_tags", `{"category":"a-1","title":"x","priceKrw":0}`, 201, "", `a-1|x|0|[]`},
			{"tags_null", `{"category":"a-1","title":"x","priceKrw":0,"tags":null}`, 201, "", `a-1|x|0|[]`},
			{"the_most", `{"category":"` + strings.Repeat("a", 64) + `","title":"` + long(120) + `","priceKrw":1000000000,"tags":` + tags(10) + `}`, 201, "",
				strings.Repeat("a", 64) + "|" + long(120) + "|1000000000|" + tags(10)},
			{"longest_tag", `{"category":"a","title":"x","priceKrw":1,"tags":["` + long(30) + `"]}`, 201, "", `a|x|1|["` + long(30) + `"]`},
			{"html_is_text", `{"category":"a","title":"<b>&'\"","priceKrw":1,"tags":["'; DROP TABLE talents"]}`, 201, "", `a|<b>&'"|1|["'; DROP TABLE talents"]`},
			{"nothing", `{}`, 422, "title priceKrw category", ""},
			{"everything_wrong", `{"category":"Piano","title":" ","priceKrw":-1,"tags":["","","a","a"]}`, 422, "title priceKrw tags.0 tags.1 tags.3 category", ""},
			{"category_too_long", `{"category":"` + strings.Repeat("a", 65) + `","title":"x","priceKrw":1}`, 422, "category", ""},
			{"category_null", `{"category":null,"title":"x","priceKrw":1}`, 422, "category", ""},
			{"title_missing", `{"category":"a","priceKrw":1}`, 422, "title", ""},
			{"title_null", `{"category":"a","title":null,"priceKrw":1}`, 422, "title", ""},
			{"title_too_long", `{"category":"a","title":"` + long(121) + `","priceKrw":1}`, 422, "title", ""},
			{"title_invisible", `{"category":"a","title":"a\u200bb","priceKrw":1}`, 422, "title", ""},
			{"title_number", `{"category":"a","title":7,"priceKrw":1}`, 422, "title", ""},
			{"price_missing", `{"category":"a","title":"x"}`, 422, "priceKrw", ""},
			{"price_negative", `{"category":"a","title":"x","priceKrw":-1}`, 422, "priceKrw", ""},
			{"price_too_high", `{"category":"a","title":"x","priceKrw":1000000001}`, 422, "priceKrw", ""},
			{"price_fraction", `{"category":"a","title":"x","priceKrw":1.5}`, 422, "priceKrw", ""},
			{"price_text", `{"category":"a","title":"x","priceKrw":"1"}`, 422, "priceKrw", ""},
			{"tags_too_many", `{"category":"a","title":"x","priceKrw":1,"tags":` + tags(11) + `}`, 422, "tags", ""},
			{"of_too_many_ten_are_judged", `{"category":"a","title":"x","priceKrw":1,"tags":[` + strings.Repeat(`"",`, 11) + `""]}`, 422,
				"tags tags.0 tags.1 tags.2 tags.3 tags.4 tags.5 tags.6 tags.7 tags.8 tags.9", ""},
			{"tag_too_long", `{"category":"a","title":"x","priceKrw":1,"tags":["a","` + long(31) + `"]}`, 422, "tags.1", ""},
			{"tag_twice_once_clean", `{"category":"a","title":"x","priceKrw":1,"tags":["a"," a"]}`, 422, "tags.1", ""},
			{"tag_null", `{"category":"a","title":"x","priceKrw":1,"tags":[null]}`, 422, "tags.0", ""},
			{"tags_text", `{"category":"a","title":"x","priceKrw":1,"tags":"a"}`, 422, "tags", ""},
			{"unknown_field", `{"category":"a","title":"x","priceKrw":1,"sellerId":7}`, 422, "sellerId", ""},
			{"other_case", `{"Category":"a","title":"x","priceKrw":1}`, 422, "Category", ""},
			{"field_twice", `{"category":"a","title":"x","title":"y","priceKrw":1}`, 400, "", ""},
			{"no_json", `title=x`, 400, "", ""},
			{"too_large", `{"title":"` + strings.Repeat("x", 32<<10) + `"}`, 413, "", ""},
		} {
			t.Run(tc.name, func(t *testing.T) {
				talents, before := h.count(t, `SELECT count(*) FROM talents`), time.Now().UnixMilli()
				w := h.ask(t, seller, "POST", "/talents", tc.body)
				if w.Code != tc.status {
					t.Fatalf("%s, want %d", told(w), tc.status)
				}
				rows := h.count(t, `SELECT count(*) FROM talents`) - talents
				if tc.status != 201 {
					if got := faults(t, w); got != tc.faults || rows != 0 {
						t.Errorf("faults %q and %d rows, want %q and none", got, rows, tc.faults)
					}
					return
				}
				var out struct{ TalentID, Version int64 }
				if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || out.TalentID < 1<<40 || out.TalentID >= 1<<53 || out.Version != 1 || rows != 1 {
					t.Fatalf("%s (%v) and %d rows", told(w), err, rows)
				}
				var category, title, tags string
				var price, owner, at int64
				if err := h.outbox.DB.QueryRowContext(t.Context(), `SELECT category, title, price_krw, tags, seller_id, registered_ms FROM talents
					WHERE talent_id = $1 AND version = 1 AND state = 'open' AND registered_ms = changed_ms`, out.TalentID).
					Scan(&category, &title, &price, &tags, &owner, &at); err != nil {
					t.Fatal(err)
				}
				if got := fmt.Sprintf("%s|%s|%d|%s", category, title, price, unescape(t, tags)); got != tc.stored || owner != seller || at < before || at > time.Now().UnixMilli() {
					t.Errorf("stored %s of %d at %d, want %s", got, owner, at, tc.stored)
				}
			})
		}
	})
}

// unescape writes JSON as people do.
func unescape(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out.String())
}

func TestTokens(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	past := time.Now().Add(-time.Hour).Unix()
	good := h.token(seller, nil)
	parts := strings.Split(good, ".")
	for _, tc := range []struct {
		name    string
		headers []string
		status  int // of a DELETE of seller's talent
	}{
		{"none", nil, 401},
		{"another_audience", []string{"Authorization", "Bearer " + h.token(seller, map[string]any{"aud": "shop"})}, 401},
		{"another_issuer", []string{"Authorization", "Bearer " + h.token(seller, map[string]any{"iss": "https://elsewhere.example"})}, 401},
		{"expired", []string{"Authorization", "Bearer " + h.token(seller, map[string]any{"exp": past})}, 401},
		{"garbage", []string{"Authorization", "Bearer garbage"}, 401},
		{"cut", []string{"Authorization", "Bearer " + good[:len(good)-4]}, 401},
		{"no_algorithm", []string{"Authorization", "Bearer eyJhbGciOiJub25lIn0." + parts[1] + "."}, 401},
		{"another_algorithm", []string{"Authorization", "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6ImsifQ." + parts[1] + "." + parts[2]}, 401},
		{"sub_no_number", []string{"Authorization", "Bearer " + h.token(seller, map[string]any{"sub": "mina"})}, 401},
		{"sub_nobody", []string{"Authorization", "Bearer " + h.token(0, nil)}, 401},
		{"basic", []string{"Authorization", "Basic " + good}, 401},
		{"bad_cookie", []string{"Cookie", "session=garbage"}, 401},
		{"cookie", []string{"Cookie", "session=" + good}, 204},
		{"bearer", []string{"Authorization", "Bearer " + good}, 204},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if w := h.ask(t, 0, "DELETE", fmt.Sprint("/talents/", taken), "", tc.headers...); w.Code != tc.status {
				t.Errorf("DELETE: %s, want %d", told(w), tc.status)
			}
			if tc.status != 401 {
				return
			}
			for method, path := range map[string]string{"POST": "/talents", "PATCH": fmt.Sprint("/talents/", taken)} {
				if w := h.ask(t, 0, method, path, `{"title":"x"}`, tc.headers...); w.Code != 401 || w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("%s: %s", method, told(w))
				}
			}
		})
	}
}

func TestChange(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		path, began := fmt.Sprint("/talents/", taken), time.Now().UnixMilli()
		ok := func(version int) string { return fmt.Sprintf(`200 {"talentId":%d,"version":%d}`, taken, version) }
		for _, tc := range []struct {
			name         string
			user         int64
			method, path string
			body         string
			want         string // the answer, or its status and the field named
			events       int64  // that it published
		}{
			{"title", seller, "PATCH", path, `{"title":" 새 제목 "}`, ok(4), 1},
			{"title_as_it_is", seller, "PATCH", path, `{"title":"새 제목 "}`, ok(4), 0},
			{"price", seller, "PATCH", path, `{"priceKrw":7}`, ok(5), 1},
			{"price_and_tags", seller, "PATCH", path, `{"priceKrw":1,"tags":["b","a"]}`, ok(6), 1},
			{"tags_in_another_order", seller, "PATCH", path, `{"tags":["a","b"]}`, ok(7), 1},
			{"no_tags", seller, "PATCH", path, `{"tags":[]}`, ok(8), 1},
			{"nothing", seller, "PATCH", path, `{}`, "422 title", 0},
			{"only_null", seller, "PATCH", path, `{"title":null}`, "422 title", 0},
			{"category", seller, "PATCH", path, `{"category":"piano"}`, "422 category", 0},
			{"category_and_title", seller, "PATCH", path, `{"category":"piano","title":""}`, "422 title category", 0},
			{"everything_wrong", seller, "PATCH", path, `{"title":"","priceKrw":1000000001,"tags":[""]}`, "422 title priceKrw tags.0", 0},
			{"unknown_field", seller, "PATCH", path, `{"state":"closed"}`, "422 state", 0},
			{"no_json", seller, "PATCH", path, `x`, "400 ", 0},
			{"another_seller", other, "PATCH", path, `{"title":"x"}`, "403 ", 0},
			{"no_such_talent", seller, "PATCH", "/talents/7", `{"title":"x"}`, "404 ", 0},
			{"no_id", seller, "PATCH", "/talents/x", `{"title":"x"}`, "404 ", 0},
			{"another_writing_of_the_id", seller, "PATCH", fmt.Sprint("/talents/0", taken), `{"title":"x"}`, "404 ", 0},
			{"close_another_sellers", other, "DELETE", path, "", "403 ", 0},
			{"close_no_such_talent", seller, "DELETE", "/talents/7", "", "404 ", 0},
			{"close_no_id", seller, "DELETE", "/talents/-1", "", "404 ", 0},
			{"close", seller, "DELETE", path, "", "204", 1},
			{"close_again", seller, "DELETE", path, "", "204", 0},
			{"change_what_is_closed", seller, "PATCH", path, `{"title":"x"}`, "422 ", 0},
			{"same_of_what_is_closed", seller, "PATCH", path, `{"title":"새 제목"}`, "422 ", 0},
		} {
			t.Run(tc.name, func(t *testing.T) {
				before, version := h.published(t), h.count(t, `SELECT version FROM talents WHERE talent_id = $1`, taken)
				w := h.ask(t, tc.user, tc.method, tc.path, tc.body)
				got := told(w)
				if w.Code >= 400 {
					got = fmt.Sprint(w.Code, " ", faults(t, w))
				}
				if got != tc.want {
					t.Errorf("%s, want %s", told(w), tc.want)
				}
				if events := h.published(t) - before; events != tc.events {
					t.Errorf("%d events, want %d", events, tc.events)
				}
				if more := h.count(t, `SELECT version FROM talents WHERE talent_id = $1`, taken) - version; int64(more) != tc.events {
					t.Errorf("%d versions more, want %d", more, tc.events)
				}
			})
		}
		if n := h.count(t, `SELECT count(*) FROM talents WHERE talent_id = $1 AND version = 9 AND state = 'closed' AND category = 'piano'
			AND seller_id = 42 AND price_krw = 1 AND tags = '[]' AND registered_ms = 1700000000000 AND changed_ms BETWEEN $2 AND $3`, taken, began, time.Now().UnixMilli()); n != 1 {
			t.Error("the talent is not what the changes have made of it")
		}
	})
}

// published is how many events Kafka has, once the outbox is empty.
func (h *house) published(t *testing.T) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := h.outbox.Kafka.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	for h.count(t, `SELECT count(*) FROM outbox`) != 0 {
		if ctx.Err() != nil {
			t.Fatal("what is published is still in the outbox")
		}
		runtime.Gosched()
	}
	ends, err := kadm.NewClient(h.kafka).ListEndOffsets(ctx, "new_talent_events")
	if err != nil {
		t.Fatal(err)
	}
	end, _ := ends.Lookup("new_talent_events", 0)
	return end.Offset
}

// TestEvents is the life of a talent, as the other functions hear of it.
func TestEvents(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		var id, registered, changed int64
		for _, step := range []struct{ method, path, body, file string }{
			{"POST", "/talents", `{"category":"piano","title":"피아노 레슨","priceKrw":30000,"tags":["초보","성인"]}`, "registered.json"},
			{"PATCH", "/talents/%d", `{"title":"저녁 피아노 레슨","priceKrw":35000}`, "changed.json"},
			{"DELETE", "/talents/%d", "", "closed.json"},
		} {
			for before := time.Now().UnixMilli(); time.Now().UnixMilli() == before; { // each has a time of its own
				runtime.Gosched()
			}
			before := time.Now().UnixMilli()
			if w := h.ask(t, seller, step.method, strings.ReplaceAll(step.path, "%d", fmt.Sprint(id)), step.body); w.Code >= 300 {
				t.Fatal(told(w))
			}
			if err := h.outbox.DB.QueryRowContext(t.Context(), `SELECT talent_id, registered_ms, changed_ms FROM talents WHERE talent_id <> $1`, taken).
				Scan(&id, &registered, &changed); err != nil {
				t.Fatal(err)
			}
			if changed < before || changed > time.Now().UnixMilli() {
				t.Errorf("%s: changed at %d", step.file, changed)
			}
			record := h.next(t)
			if key := string(record.Key); key != fmt.Sprint(id) {
				t.Errorf("key %s", key)
			}
			if mode := fmt.Sprintf("%s", record.Headers); mode != "[{content-type application/cloudevents+json}]" {
				t.Errorf("headers %s", mode)
			}
			wantEvent(t, record.Value, step.file, id, registered, changed)
		}
	})
}

// next is the next event in Kafka.
func (h *house) next(t *testing.T) *kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fetches := h.kafka.PollRecords(ctx, 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	return fetches.Records()[0]
}

// wantEvent checks that text is the event in testdata/file, but for its id and
// trace, of talent id with these times (Unix ms), and that its data satisfies
// the schema that it names.
func wantEvent(t *testing.T, text []byte, file string, id, registered, changed int64) {
	t.Helper()
	var got ce.Event
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(got.ID()); err != nil || id.Version() != 7 {
		t.Errorf("id %s is no UUIDv7", got.ID())
	}
	if trace := fmt.Sprint(got.Extensions()["traceparent"]); !regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-00$`).MatchString(trace) {
		t.Errorf("traceparent %s", trace)
	}
	sample := eventtest.Load(t, file)
	got.SetID(sample.ID())
	got.SetExtension("traceparent", sample.Extensions()["traceparent"])
	sample.SetSubject(fmt.Sprint("talent/", id))
	sample.SetExtension("partitionkey", fmt.Sprint(id))
	sample.SetTime(time.UnixMilli(changed).UTC())
	want := plain(t, sample)
	data, _ := want["data"].(map[string]any)
	data["talentId"], data["at"] = float64(id), rfc3339(changed)
	if data["registeredAt"] != nil {
		data["registeredAt"] = rfc3339(registered)
	}
	if got := plain(t, got); !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %v\nwant %v", file, got, want)
	}
	checkSchema(t, got)
}

func rfc3339(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// plain is v as JSON says it.
func plain(t *testing.T, v any) (out map[string]any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func schemaOf(t *testing.T, typ string) *jsonschema.Resolved {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../infra/schemas", typ+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema jsonschema.Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if schema.ID != "/schemas/"+typ+".json" {
		t.Errorf("$id %s of the schema of %s", schema.ID, typ)
	}
	resolved, err := schema.Resolve(&jsonschema.ResolveOptions{BaseURI: "somssi:/"}) // which makes its $id the dataschema
	if err != nil {
		t.Fatal(err)
	}
	return resolved
}

func checkSchema(t *testing.T, e ce.Event) {
	t.Helper()
	if e.DataSchema() != "somssi:/schemas/"+e.Type()+".json" {
		t.Errorf("dataschema %s of %s", e.DataSchema(), e.Type())
	}
	var data map[string]any
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		t.Fatal(err)
	}
	if err := schemaOf(t, e.Type()).Validate(data); err != nil {
		t.Error(err)
	}
}

// A schema that takes everything would let every event pass.
func TestSchemasRefuse(t *testing.T) {
	for file, fields := range map[string]string{"registered.json": "", "changed.json": " registeredAt was", "closed.json": " registeredAt"} {
		e := eventtest.Load(t, file)
		schema := schemaOf(t, e.Type())
		good := func() (data map[string]any) {
			if err := json.Unmarshal(e.Data(), &data); err != nil {
				t.Fatal(err)
			}
			return data
		}
		for _, field := range strings.Fields("talentId version sellerId category title priceKrw tags at" + fields) {
			data := good()
			delete(data, field)
			if schema.Validate(data) == nil {
				t.Errorf("%s without %s passes", file, field)
			}
			data[field] = true
			if schema.Validate(data) == nil {
				t.Errorf("%s with another %s passes", file, field)
			}
		}
		for name, value := range map[string]any{"talentId": 0, "version": 0, "sellerId": -1, "category": "Piano", "title": "", "priceKrw": 0.5, "at": "2026-03-04"} {
			data := good()
			data[name] = value
			if schema.Validate(data) == nil {
				t.Errorf("%s with %s %v passes", file, name, value)
			}
		}
		data := good()
		data["sellerId"], data["more"] = 0, "later"
		if err := schema.Validate(data); err != nil {
			t.Errorf("%s of an unknown seller, with a new field: %v", file, err)
		}
	}
}

func TestIDs(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	seen := map[int64]bool{}
	for range 100 {
		before := time.Now().UnixMilli()
		w := h.ask(t, seller, "POST", "/talents", `{"category":"a","title":"x","priceKrw":1}`)
		after := time.Now().UnixMilli()
		var out struct{ TalentID int64 }
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 201 {
			t.Fatal(told(w), err)
		}
		if ms := out.TalentID>>12 + 1_767_225_600_000; ms < before || ms > after || out.TalentID >= 1<<53 {
			t.Fatalf("id %d is of %d", out.TalentID, ms)
		}
		seen[out.TalentID&0xfff] = true
	}
	if len(seen) < 50 {
		t.Errorf("%d different endings of 100 ids", len(seen))
	}
}

// A new id that is taken by chance must not write over the talent that has it.
func TestTakenID(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		fresh := talent{TalentID: taken, Version: 1, SellerID: seller, Category: "a", Title: "x", Tags: tags{}, State: "open"}
		err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error {
			_, err := h.save(t.Context(), tx, talent{}, fresh)
			return err
		})
		if status := eventtest.Status(err); status != 503 {
			t.Errorf("status %d (%v), want 503", status, err)
		}
		if n := h.count(t, `SELECT version FROM talents WHERE talent_id = $1 AND title = '피아노 레슨'`, taken); n != 3 || h.published(t) != 0 {
			t.Errorf("the talent whose id was hit has version %d, want 3 and no event", n)
		}
	})
}

func TestKafkaAway(t *testing.T) {
	s := eventtest.Embedded(t)
	h := furnish(t, s, "127.0.0.1:1")
	t.Cleanup(h.outbox.Kafka.Close)
	w := h.ask(t, seller, "POST", "/talents", `{"category":"a","title":"x","priceKrw":1}`)
	if w.Code != 201 {
		t.Fatal(told(w))
	}
	var out struct{ TalentID int64 }
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatal(err)
	}
	var key, text string
	if err := s.DB.QueryRowContext(t.Context(), `SELECT key, event FROM outbox WHERE topic = 'new_talent_events'`).Scan(&key, &text); err != nil {
		t.Fatal(err)
	}
	var e ce.Event
	if err := json.Unmarshal([]byte(text), &e); err != nil || key != fmt.Sprint(out.TalentID) || e.Subject() != "talent/"+key {
		t.Errorf("key %s and subject %s of talent %d: %v", key, e.Subject(), out.TalentID, err)
	}
	checkSchema(t, e)
}

func TestSQLAway(t *testing.T) {
	s := eventtest.Embedded(t)
	h := build(t, s)
	h.outbox.DB.Close()
	for _, ask := range [][3]string{
		{"POST", "/talents", `{"category":"a","title":"x","priceKrw":1}`},
		{"PATCH", "/talents/5", `{"title":"x"}`},
		{"DELETE", "/talents/5", ""},
		{"GET", "/talents/5", ""},
	} {
		if w := h.ask(t, seller, ask[0], ask[1], ask[2], "Idempotency-Key", "12345678"); w.Code != 503 || strings.Contains(w.Body.String(), "sql") {
			t.Errorf("%s: %s", ask[0], told(w))
		}
	}
}

// Several change one talent at once: all do, each has a version of its own.
func TestChangeAtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		const n = 16
		answers := atOnce(n, func(i int) string {
			return told(h.ask(t, seller, "PATCH", fmt.Sprint("/talents/", taken), fmt.Sprintf(`{"tags":["t%d"]}`, i)))
		})
		for version := 4; version < 4+n; version++ {
			if answer := fmt.Sprintf(`200 {"talentId":%d,"version":%d}`, taken, version); answers[answer] != 1 {
				t.Fatalf("%d times %s in %v", answers[answer], answer, answers)
			}
		}
		if events := h.published(t); events != n {
			t.Errorf("%d events, want %d", events, n)
		}
	})
}

// atOnce counts the answers of n calls made at once.
func atOnce(n int, ask func(i int) string) map[string]int {
	var all sync.WaitGroup
	answers, gate, given := make(chan string, n), make(chan struct{}), map[string]int{}
	for i := range n {
		all.Go(func() { <-gate; answers <- ask(i) })
	}
	close(gate)
	all.Wait()
	close(answers)
	for answer := range answers {
		given[answer]++
	}
	return given
}
