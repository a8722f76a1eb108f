package capture

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	"github.com/google/uuid"

	"somssi/local/source"
)

// shape is text with its letters and digits told by their kind alone.
func shape(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return '0'
		case r >= 'a' && r <= 'z':
			return 'a'
		case r >= 'A' && r <= 'Z':
			return 'A'
		case r >= '가' && r <= '힣':
			return '가'
		case r > 0xffff:
			return 0x1f600
		}
		return r
	}, text)
}

func TestText_keeps_the_shape_and_nothing_else(t *testing.T) {
	s := NewScrubber("")
	for _, text := range []string{"기타 레슨", "Kim Minsu", "a@b-mail.example", "+82 10-1234-5678", "talent/1001", "🎸🎤 rock 2026!", "music", "X"} {
		got := s.Text(text)
		if shape(got) != shape(text) || got == text || len(got) != len(text) {
			t.Errorf("%q became %q", text, got)
		}
		if again := s.Text(text); again != got {
			t.Errorf("%q became %q, then %q", text, got, again)
		}
	}
	for _, text := range []string{"", "0", " - ", "?!", "\t\n"} {
		if got := s.Text(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	id := "01995a3e-7c00-7000-8000-000000000101"
	if got, err := uuid.Parse(s.Text(id)); err != nil || got.String() == id || got.Version() != 7 {
		t.Errorf("%s became %s %v", id, got, err)
	}
	for _, at := range []string{"2026-11-22T09:00:00Z", "2026-11-22T09:00:00.123Z", "2026-11-22T18:00:59.000001+09:00"} {
		got := s.Text(at)
		if _, err := time.Parse(time.RFC3339, got); err != nil || got == at || len(got) != len(at) {
			t.Errorf("%s became %s (%v)", at, got, err)
		}
	}
	trace := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := s.Text(trace); !regexp.MustCompile(`^[0-9]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9]{2}$`).MatchString(got) {
		t.Errorf("%s became %s", trace, got)
	}
}

func TestNumber(t *testing.T) {
	s := NewScrubber("x")
	for text, form := range map[string]string{
		"7": `^[1-9]$`, "1001": `^[1-9]\d{3}$`, "-42": `^-[1-9]\d$`, "0": `^0$`, "1.50": `^[1-9]\.\d\d$`, "0.5": `^0\.[1-9]$`, "12e-3": `^[1-9]\de-3$`, "9007199254740991": `^[1-9]\d{15}$`,
	} {
		got := s.Number(text)
		if !regexp.MustCompile(form).MatchString(got) || !json.Valid([]byte(got)) || got == text && text != "0" {
			t.Errorf("%s became %s", text, got)
		}
	}
	if s.Number("1001") != s.Text("1001") || s.Text("talent/1001") != s.Text("talent")+"/"+s.Number("1001") {
		t.Error("a number in text and as a number became two")
	}
}

// As many ids as can be stay apart, and another key makes other ones.
func TestScrubber_keeps_ids_apart(t *testing.T) {
	s, seeded, again := NewScrubber(""), NewScrubber("s"), NewScrubber("s")
	seen := map[string]string{}
	equal := 0
	for n := range 500 {
		id := fmt.Sprint(1000 + n)
		got := s.Number(id)
		if other, taken := seen[got]; taken {
			t.Errorf("%s and %s both became %s", other, id, got)
		}
		seen[got] = id
		if got == seeded.Number(id) {
			equal++
		}
		if seeded.Number(id) != again.Number(id) {
			t.Errorf("the same seed made two of %s", id)
		}
	}
	if equal > 20 {
		t.Errorf("%d of 500 are the same by another key", equal)
	}
	small := NewScrubber("")
	for n := range 20 { // more than there are of one digit
		if got := small.Number(fmt.Sprint(n % 10)); len(got) != 1 {
			t.Errorf("%d became %s", n, got)
		}
	}
}

func parse(t *testing.T, fields ...string) *Fields {
	t.Helper()
	f, err := ParseFields(fields)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sample(data string) source.Event {
	return source.Event{Data: []byte(data), Attributes: map[string]string{
		"specversion": "1.0", "id": "e-1", "source": "/somssi/register-talent", "type": "somssi.talent.registered.v1", "subject": "talent/1001",
		"time": "2026-11-22T09:00:00Z", "partitionkey": "1001", "datacontenttype": "application/json",
	}}
}

func TestMake(t *testing.T) {
	data := `{"talentId":1001,"sellerId":7,"title":"기타 레슨","tags":["one","two","one"],"was":{"title":"기타 레슨","n":null},"price":1.10,"open":true,"more":"기타 레슨"}`
	f := parse(t, "data.talentId", "data.title", "data.tags", "data.was", "subject", "data.open", "nobody?")
	file, err := Make(sample(data), NewScrubber(""), f)
	if err != nil {
		t.Fatal(err)
	}
	var e cloudevents.Event
	if err := json.Unmarshal(file.Text, &e); err != nil || e.Validate() != nil {
		t.Fatalf("%v\n%s", err, file.Text)
	}
	var got struct {
		TalentID    int
		SellerID    int
		Title, More string
		Tags        []string
		Was         struct {
			Title string
			N     *int
		}
		Price json.Number
		Open  bool
	}
	if err := json.Unmarshal(e.Data(), &got); err != nil {
		t.Fatal(err)
	}
	if got.TalentID == 1001 || got.TalentID < 1000 || e.Subject() == "talent/1001" || !strings.HasSuffix(e.Subject(), fmt.Sprintf("/%d", got.TalentID)) {
		t.Errorf("talent %d, subject %s", got.TalentID, e.Subject())
	}
	if got.Title == "기타 레슨" || got.Was.Title != got.Title || got.Was.N != nil || got.Tags[0] == "one" || got.Tags[0] != got.Tags[2] || got.Open {
		t.Errorf("%+v", got)
	}
	if got.SellerID != 7 || got.More != "기타 레슨" || got.Price != "1.10" || e.ID() != "e-1" || e.Extensions()["partitionkey"] != "1001" {
		t.Errorf("what was not to be replaced: %+v %s", got, e)
	}
	if fmt.Sprint(file.Leaks) != "[data.talentId data.title data.was.title]" { // in partitionkey, and more
		t.Errorf("leaks %v", file.Leaks)
	}
	if file.Name != "somssi.talent.registered.v1-e-1.json" || f.Missing() != nil {
		t.Errorf("%s, missing %v", file.Name, f.Missing())
	}
	f = parse(t, "data.titel", "data.title.x", "id")
	if _, err := Make(sample(data), NewScrubber(""), f); err != nil || fmt.Sprint(f.Missing()) != "[data.titel data.title.x]" {
		t.Errorf("missing %v (%v)", f.Missing(), err)
	}
}

// What a file holds is what the event had, to the byte where it is no JSON.
func TestMake_keeps_all_data(t *testing.T) {
	for _, tc := range []struct{ media, data string }{
		{"application/json", `{"a":[1,2.50,"\u0000"]}`}, {"", `{"a":1}`}, {"", "plain"}, {"text/plain", `{"a":1}`}, {"application/json", `{"a":1,"a":2}`},
		{"application/json", "{\"a\":\"\xff\"}"}, {"image/png", "\x89PNG\x00\xff"}, {";;", "x"}, {"application/json", ""}, {"application/cloudevents+json", `{"a":1}`}, {"application/json", `"text"`}, {"application/json", `null`},
	} {
		in := sample(tc.data)
		delete(in.Attributes, "datacontenttype")
		if tc.media != "" {
			in.Attributes["datacontenttype"] = tc.media
		}
		file, err := Make(in, NewScrubber(""), parse(t))
		if err != nil {
			t.Fatal(err)
		}
		var e cloudevents.Event
		if err := json.Unmarshal(file.Text, &e); err != nil {
			t.Errorf("%+v: %v\n%s", tc, err, file.Text)
		}
		data := string(e.Data())
		if data != tc.data {
			var want, got any
			if json.Unmarshal([]byte(tc.data), &want) != nil || json.Unmarshal([]byte(data), &got) != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%+v: data %q", tc, data)
			}
		}
	}
}

func TestMake_of_data_that_is_no_json(t *testing.T) {
	if _, err := Make(sample("Kim Minsu"), NewScrubber(""), parse(t, "data.title")); err == nil || !strings.Contains(err.Error(), "no JSON") {
		t.Errorf("a field inside: %v", err)
	}
	for seed := range 100 {
		for _, data := range []string{"Kim Minsu", "\xff\x00\xfe\x01"} {
			file, err := Make(sample(data), NewScrubber(fmt.Sprint(seed)), parse(t, "data"))
			var e cloudevents.Event
			if err == nil {
				err = json.Unmarshal(file.Text, &e)
			}
			if got := string(e.Data()); err != nil || got == data || len(got) != len(data) || utf8.ValidString(got) != utf8.ValidString(data) {
				t.Fatalf("%q became %q (%v)", data, got, err)
			}
		}
	}
}

func TestParseFields_refuses(t *testing.T) {
	for field, want := range map[string]string{
		"": "such as", "data.": "such as", ".title": "such as", "type": "can not be replaced", "data_base64": "can not be replaced", "was.title": "did you mean data.was.title",
	} {
		if _, err := ParseFields([]string{field}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", field, err, want)
		}
	}
}

func TestSafe(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"t-e-1", "t-e/1", "t-e 1", "t-솜씨", "t-기타", "../../etc/passwd", "..", "", "t-" + strings.Repeat("x", 500), "t-" + strings.Repeat("x", 501), "a\x00b", "CON", `a\b`} {
		name := safe(text)
		if !regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]{0,129}\.json$`).MatchString(name) && name != ".json" {
			t.Errorf("%q: %q", text, name)
		}
		if other, taken := seen[name]; taken {
			t.Errorf("%q and %q are both %s", other, text, name)
		}
		seen[name] = text
	}
	in := sample("x")
	in.Attributes["id"], in.Attributes["type"] = "partition:3/offset:9", "dev.knative.kafka.event"
	if file, err := Make(in, NewScrubber(""), parse(t)); err != nil || file.Name != "dev.knative.kafka.event-partition-3-offset-9.json" {
		t.Errorf("of a wrapped event: %s %v", file.Name, err)
	}
}
