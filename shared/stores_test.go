package shared_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/text/unicode/norm"

	"somssi/shared"
	"somssi/shared/eventtest"
	"somssi/shared/eventtest/seeds"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"as_it_is", "기타 수업", "기타 수업"},
		{"trimmed", " \t 기타 \u00a0\u3000\n", "기타"},
		{"NFD", "e\u0301", "\u00e9"},
		{"hangul_by_letters", "\u1109\u1169\u11b7", "솜"},
		{"compatible_but_not_the_same", "ﬁ", "ﬁ"},
		{"family", "👨‍👩‍👧", "👨‍👩‍👧"},
		{"heart", "❤️", "❤️"}, // with the selector that draws it in colour
		{"ten", "가나다라마바사아자차", "가나다라마바사아자차"},
		{"ten_in_twenty_letters", strings.Repeat("e\u0301", 10), strings.Repeat("\u00e9", 10)},
		{"eleven", "가나다라마바사아자차카", ""},
		{"empty", "", ""},
		{"blank", " \u3000 ", ""},
		{"not_UTF-8", "gr\xfc\xdfe", ""},
		{"replacement", "a\ufffdb", ""},
		{"NUL", "a\x00b", ""},
		{"line_break", "a\nb", ""},
		{"tab", "a\tb", ""},
		{"DEL", "a\x7fb", ""},
		{"C1", "a\u0085b", ""},
		{"line_separator", "a\u2028b", ""},
		{"right_to_left", "a\u202eb", ""},
		{"isolate", "a\u2066b", ""},
		{"zero_width_space", "a\u200bb", ""},
		{"non_joiner", "a\u200cb", ""},
		{"word_joiner", "a\u2060b", ""},
		{"BOM", "\ufeffa", ""},
		{"soft_hyphen", "a\u00adb", ""},
		{"tags", "a\U000e0061b", ""},
		{"private", "a\ue000b", ""},
		{"noncharacter", "a\uffffb", ""},
		{"hangul_filler", "\u3164", ""},
		{"half_width_filler", "\uffa0", ""},
		{"grapheme_joiner", "a\u034fb", ""},
		{"joiner_alone", "\u200d", ""},
		{"joiner_at_the_end", "a\u200d", ""},
		{"blank_of_Braille", "\u2800", ""},
	} {
		got, err := shared.Clean(tc.text, 10)
		if got != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%s: %q, %v, want %q", tc.name, got, err, tc.want)
		}
		if err != nil && tc.text != "" && strings.Contains(err.Error(), tc.text) && len(tc.text) > 1 {
			t.Errorf("%s: the text is told: %v", tc.name, err)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, text := range []string{"", " a ", "e\u0301", "\u1109\u1169\u11b7", "👨‍👩‍👧", "\u0301", " \u0301", "\u0344", "\u212b", "\u2126", "\u1e9b\u0323", "a\u0315\u0300\u05ae\u0300b", "\ufb1d", "\u0958",
		"\u200d", "\u3164", "gr\xfc\xdfe", "\xed\xa0\x80", "a\x00", "\u00a0a\u3000", "\u2028", "\ufffd", strings.Repeat("a\u0301", 200)} {
		f.Add(text)
	}
	for _, text := range seeds.Of(f, "EFG") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := shared.Clean(text, 200)
		if err != nil {
			return
		}
		if n := len([]rune(once)); n < 1 || n > 200 || strings.TrimSpace(once) != once {
			t.Fatalf("%q is cleaned to %q", text, once)
		}
		if twice, err := shared.Clean(once, 200); twice != once || err != nil {
			t.Fatalf("%q is cleaned to %q, and that to %q, %v", text, once, twice, err)
		}
		written, err := json.Marshal(once)
		var read string
		if err != nil || json.Unmarshal(written, &read) != nil || read != once {
			t.Fatalf("%q does not come back from JSON", once)
		}
	})
}

// FuzzCategory holds every accepted name to: no other accepted name looks like it,
// is it in another case, or is it in another form of Unicode.
func FuzzCategory(f *testing.F) {
	for _, text := range seeds.Of(f, "EFG") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !shared.Category.MatchString(text) {
			return
		}
		for form, other := range map[string]string{"lower case": strings.ToLower(text), "NFKC": norm.NFKC.String(text), "NFD": norm.NFD.String(text), "trimmed": strings.TrimSpace(text), "a path": url.PathEscape(text), "one line": strings.Join(strings.Fields(text), "")} {
			if other != text {
				t.Fatalf("%q as %s is %q", text, form, other)
			}
		}
		if strings.ContainsAny(text, `*?[]{}:\/%`) || len(text) > 64 {
			t.Fatalf("%q is part of keys and paths", text)
		}
	})
}

func TestCategory(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"music", "a", "3d-print", strings.Repeat("x", 64)} {
		if !shared.Category.MatchString(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{"", strings.Repeat("x", 65), "Music", "mu sic", "음악", "a:b", "a/b", "..", "a*", "a\n", "\na", "{a}", "a\x00", "%61", "a_b", "ｍ"} {
		if shared.Category.MatchString(name) {
			t.Errorf("%q is accepted", name)
		}
	}
}

// The values were computed by sha256sum and by zlib's crc32: stored ids must not change.
func TestPinned(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		talent int64
		kind   string
		want   int64
	}{{42, "talent.registered", 6111038770426625079}, {1, "talent.closed", 3284558821184237303}, {9223372036854775807, "x", 359477829784781740}} {
		if got := shared.NID(tc.talent, tc.kind); got != tc.want {
			t.Errorf("NID(%d, %s) is %d, want %d", tc.talent, tc.kind, got, tc.want)
		}
	}
	for user, want := range map[int64]string{1: "{b4023}:ev", 42: "{b0136}:ev", 9223372036854775807: "{b2782}:ev"} {
		if got := shared.UserHints(user); got != want {
			t.Errorf("UserHints(%d) is %s, want %s", user, got, want)
		}
	}
}

func TestInTx(t *testing.T) {
	t.Parallel()
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		write := func(tx *sql.Tx) {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO interests (user_id, category, since_ms) VALUES (1, 'music', 0)`); err != nil {
				t.Fatal(err)
			}
		}
		rows := func() (n int) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.DB.QueryRowContext(ctx, `SELECT count(*) FROM interests`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		broken := errors.New("broken")
		if err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error { write(tx); return broken }); !errors.Is(err, broken) || rows() != 0 {
			t.Errorf("after an error: %v, %d rows", err, rows())
		}
		func() {
			defer func() {
				if recover() != "broken" {
					t.Error("the panic is swallowed")
				}
			}()
			_ = shared.InTx(context.Background(), s.DB, func(tx *sql.Tx) error { write(tx); panic("broken") })
		}()
		if used := s.DB.Stats().InUse; used != 0 || rows() != 0 {
			t.Errorf("after a panic: %d connections in use, %d rows", used, rows())
		}
		over, cancel := context.WithCancel(t.Context())
		if err := shared.InTx(over, s.DB, func(tx *sql.Tx) error { write(tx); cancel(); return nil }); err == nil || rows() != 0 {
			t.Errorf("after the context's end: %v, %d rows", err, rows())
		}
		if err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error { write(tx); return nil }); err != nil || rows() != 1 {
			t.Errorf("committed: %v, %d rows", err, rows())
		}
	})
	if err := shared.InTx(t.Context(), eventtest.SQLAway(t), func(*sql.Tx) error { return nil }); err == nil {
		t.Error("no error from a database that is away")
	}
}

// outbox is one of try-out, and how many rows it has.
func outbox(t *testing.T, db *sql.DB, kafka *kgo.Client) (*shared.Outbox, func() int) {
	t.Helper()
	address := "127.0.0.1:1"
	if kafka != nil {
		address = strings.Join(kafka.OptValue(kgo.SeedBrokers).([]string), ",")
	}
	t.Setenv("KAFKA_BROKERS", address)
	return shared.OpenOutbox("try-out", db), func() (n int) {
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM outbox`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func draft() shared.Draft {
	return shared.Draft{Topic: "new_talent_events", Type: "somssi.talent.registered.v1", Subject: "talent/42", Key: "42",
		At: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Data: map[string]any{"talentId": 42, "title": "<솜씨> & more"}}
}

func appendOne(t *testing.T, o *shared.Outbox) (row shared.Row) {
	t.Helper()
	err := shared.InTx(t.Context(), o.DB, func(tx *sql.Tx) (err error) {
		row, err = o.Append(t.Context(), tx, draft())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func poll(t *testing.T, kafka *kgo.Client, n int) (records []*kgo.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for len(records) < n {
		fetches := kafka.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", len(records), n, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func TestOutbox(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		kafka := eventtest.Kafka(t, "new_talent_events")
		o, rows := outbox(t, s.DB, kafka)
		before := time.Now()

		row := appendOne(t, o)

		var topic, key, text string
		var due int64
		if err := s.DB.QueryRowContext(t.Context(), `SELECT topic, key, event, not_before_ms FROM outbox WHERE id = $1`, row.ID).Scan(&topic, &key, &text, &due); err != nil {
			t.Fatal(err)
		}
		if (shared.Row{ID: row.ID, Topic: topic, Key: key, Text: text}) != row {
			t.Errorf("the row is %s %s %s, want %+v", topic, key, text, row)
		}
		if wait := time.UnixMilli(due).Sub(before); wait < 1900*time.Millisecond || wait > 12*time.Second {
			t.Errorf("the relay may take it after %v, want 2 s", wait)
		}
		o.Publish(row)
		o.Publish(row) // as a relay does that did not see the first
		for _, record := range poll(t, kafka, 2) {
			wantRecord(t, record, row)
		}
		o.Close()
		if n := rows(); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// wantRecord holds a record to the structured mode of the Kafka binding, and its bytes to the row's.
func wantRecord(t *testing.T, record *kgo.Record, row shared.Row) {
	t.Helper()
	if string(record.Value) != row.Text || string(record.Key) != "42" || record.Topic != "new_talent_events" ||
		len(record.Headers) != 1 || record.Headers[0].Key != "content-type" || string(record.Headers[0].Value) != "application/cloudevents+json" {
		t.Errorf("the record is %s %s %v %s", record.Topic, record.Key, record.Headers, record.Value)
	}
	var e event.Event
	if err := json.Unmarshal(record.Value, &e); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	var data struct{ Title string }
	if err := e.DataAs(&data); err != nil || data.Title != "<솜씨> & more" {
		t.Errorf("data %s: %v", e.Data(), err)
	}
	trace, _ := e.Extensions()["traceparent"].(string)
	for what, got := range map[string][2]string{
		"id": {e.ID(), row.ID}, "source": {e.Source(), "/somssi/try-out"}, "type": {e.Type(), "somssi.talent.registered.v1"}, "subject": {e.Subject(), "talent/42"},
		"time": {e.Time().Format(time.RFC3339Nano), "2026-01-02T03:04:05.678Z"}, "datacontenttype": {e.DataContentType(), "application/json"},
		"dataschema": {e.DataSchema(), "somssi:/schemas/somssi.talent.registered.v1.json"}, "partitionkey": {e.Extensions()["partitionkey"].(string), "42"},
		"version of id": {e.ID()[14:15], "7"}, "traceparent": {trace[:3] + trace[35:36] + trace[52:], "00--" + "-00"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s is %q, want %q", what, got[0], got[1])
		}
	}
}

func TestOutboxRollback(t *testing.T) {
	s := eventtest.Embedded(t)
	o, rows := outbox(t, s.DB, nil)
	defer o.Close()
	broken := errors.New("broken")
	err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error {
		if _, err := o.Append(t.Context(), tx, draft()); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) || rows() != 0 {
		t.Errorf("%v, and %d rows are left", err, rows())
	}
	bad := draft()
	bad.Data = func() {}
	if err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error { _, err := o.Append(t.Context(), tx, bad); return err }); err == nil || rows() != 0 {
		t.Errorf("data that JSON has no form for: %v, %d rows", err, rows())
	}
	bad = draft()
	bad.Type = ""
	if err := shared.InTx(t.Context(), s.DB, func(tx *sql.Tx) error { _, err := o.Append(t.Context(), tx, bad); return err }); err == nil || rows() != 0 {
		t.Errorf("an event without type: %v, %d rows", err, rows())
	}
}

func TestOutboxWithKafkaAway(t *testing.T) {
	s := eventtest.Embedded(t)
	o, rows := outbox(t, s.DB, nil)
	row := appendOne(t, o)
	began := time.Now()
	o.Publish(row)
	if took := time.Since(began); took > time.Second {
		t.Errorf("Publish waited %v", took)
	}
	o.Close()
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("Close took %v, want what was published given up after 5 s", took)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows are left, want the one", n)
	}
}
