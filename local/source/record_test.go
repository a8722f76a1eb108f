package source

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// h makes record headers of names and values.
func h(pairs ...string) (headers []kgo.RecordHeader) {
	for i := 0; i < len(pairs); i += 2 {
		headers = append(headers, kgo.RecordHeader{Key: pairs[i], Value: []byte(pairs[i+1])})
	}
	return headers
}

// binaryEvent are the headers of a small event, and more.
func binaryEvent(pairs ...string) []kgo.RecordHeader {
	return h(append([]string{"ce_specversion", "1.0", "ce_id", "i", "ce_source", "/s", "ce_type", "y"}, pairs...)...)
}

func jsonEvent(members string) kgo.Record {
	return kgo.Record{
		Headers: h("content-type", "application/cloudevents+json; charset=utf-8"),
		Value:   []byte(`{"specversion":"1.0","id":"i","source":"/s","type":"y"` + members + `}`),
	}
}

// fields are what a request must have besides what every one has.
type fields map[string]string

var (
	always = fields{"ce-knativekafkapartition": "3", "ce-knativekafkaoffset": "7"}
	small  = fields{"ce-specversion": "1.0", "ce-id": "i", "ce-source": "/s", "ce-type": "y"}
	// wrapped is a record that is no event, written at 1700000000120 ms.
	wrapped = fields{
		"ce-specversion": "1.0", "ce-id": "partition:3/offset:7", "ce-type": "dev.knative.kafka.event",
		"ce-source": "/apis/v1/namespaces/shop/kafkasources/orders#t", "ce-subject": "partition:3#7",
		"ce-time": "2023-11-14T22:13:20.12Z",
	}
)

// with adds names and values to a copy.
func (f fields) with(pairs ...string) fields {
	f = maps.Clone(f)
	for i := 0; i < len(pairs); i += 2 {
		f[pairs[i]] = pairs[i+1]
	}
	return f
}

// request is what would be sent for a record at offset 7 of partition 3.
func request(t testing.TB, c Config, r kgo.Record) (http.Header, []byte) {
	t.Helper()
	s, err := newSource(c)
	if err != nil {
		t.Fatal(err)
	}
	r.Topic, r.Partition, r.Offset, r.Timestamp = "t", 3, 7, time.UnixMilli(1700000000120)
	e, _ := s.toEvent(&r)
	header, _ := s.headers(e)
	return header, e.data
}

func wantRequest(t *testing.T, header http.Header, data []byte, want fields, wantData string) {
	t.Helper()
	got := fields{}
	for name, values := range header {
		got[name] = strings.Join(values, " and ")
	}
	want = want.with("Prefer", "reply", "Kn-Namespace", "shop")
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: %q, want %q", name, got[name], value)
		}
		delete(got, name)
	}
	for name, value := range got {
		t.Errorf("%s: %q is too much", name, value)
	}
	if string(data) != wantData {
		t.Errorf("data %q, want %q", data, wantData)
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	full := binaryEvent("ce_subject", "u", "ce_time", "2020-01-01T00:00:00.120+01:00", "ce_dataschema", "http://x/y",
		"content-type", "Text/Plain; charset=UTF-8", "ce_exta", "A", "ce_ExtB", "2")
	wantFull := small.with("ce-subject", "u", "ce-time", "2020-01-01T00:00:00.12+01:00", "ce-dataschema", "http://x/y",
		"content-type", "Text/Plain; charset=UTF-8", "ce-exta", "A", "ce-extb", "2")
	for name, tc := range map[string]struct {
		record    kgo.Record
		keyType   string
		overrides map[string]string
		want      fields
		data      string
	}{
		"R01_key_type_and_body": {
			record: kgo.Record{Key: []byte("0"), Headers: h("content-type", "application/json"), Value: []byte(`{"value":5}`)},
			want:   wrapped.with("content-type", "application/json", "ce-key", "0", "ce-partitionkey", "0"), data: `{"value":5}`,
		},
		"R02_no_content_type": {
			record: kgo.Record{Key: []byte("0"), Value: []byte(`{"value":5}`)},
			want:   wrapped.with("ce-key", "0", "ce-partitionkey", "0"), data: `{"value":5}`,
		},
		"R03_no_key":    {record: kgo.Record{Key: []byte{}, Value: []byte("x")}, want: wrapped, data: "x"},
		"R04_text":      {record: kgo.Record{Headers: h("content-type", "text/plain"), Value: []byte("simple 10")}, want: wrapped.with("content-type", "text/plain"), data: "simple 10"},
		"R04_any_case":  {record: kgo.Record{Headers: h("Content-Type", "Text/Plain; A=B")}, want: wrapped.with("content-type", "text/plain; a=b")},
		"R06_headers":   {record: kgo.Record{Headers: h("foo", "bar", "X-My_Id", "7")}, want: wrapped.with("ce-kafkaheaderfoo", "bar", "ce-kafkaheaderxmyid", "7")},
		"R06_collision": {record: kgo.Record{Headers: h("a-b", "1", "ab", "2", "--", "3")}, want: wrapped.with("ce-kafkaheaderab", "2", "ce-kafkaheader", "3")},
		"R09_tombstone": {record: kgo.Record{Key: []byte("k")}, want: wrapped.with("ce-key", "k", "ce-partitionkey", "k")},
		"R10_empty":     {record: kgo.Record{Value: []byte{}}, want: wrapped},
		"R11_no_data":   {record: kgo.Record{Headers: full}, want: wantFull},
		"R12_binary":    {record: kgo.Record{Headers: full, Value: []byte("x")}, want: wantFull, data: "x"},
		"R12_last_header_counts": {
			record: kgo.Record{Headers: binaryEvent("ce_id", "j", "ce_", "x", "ce_specversion", "1.0")},
			want:   small.with("ce-id", "j"),
		},
		"R12_empty_attributes": {
			record: kgo.Record{Headers: h("ce_specversion", "1.0", "ce_id", "", "ce_source", "", "ce_type", "")},
			want:   fields{"ce-specversion": "1.0", "ce-id": "", "ce-source": "", "ce-type": ""},
		},
		"R12_not_UTF8": {record: kgo.Record{Headers: binaryEvent("ce_subject", "a\xe2\x82b")}, want: small.with("ce-subject", "a?b")},
		"R13_structured": {
			record: jsonEvent(`, "n":5, "data": {"b" : [1, 2.50], "a":"\u00fc\/"}`),
			want:   small.with("ce-n", "5", "content-type", "application/json"), data: `{"b":[1,2.5],"a":"ü/"}`,
		},
		"R14_structured_without_data": {record: jsonEvent(``), want: small},
		"R17_overrides_of_binary": {
			record:    kgo.Record{Headers: binaryEvent("ce_a", "1")},
			overrides: map[string]string{"a": "x", "b": "y", "knativekafkaoffset": "z"},
			want:      small.with("ce-a", "x", "ce-b", "y", "ce-knativekafkaoffset", "z"),
		},
		"R17_overrides_of_structured": {
			record: jsonEvent(`,"a":"1"`), overrides: map[string]string{"a": "x", "b": "y"},
			want: small.with("ce-a", "x", "ce-b", "y"),
		},
		"R18_own_extensions_win":       {record: kgo.Record{Headers: binaryEvent("ce_knativekafkaoffset", "1")}, want: small},
		"R19_key_and_headers_are_lost": {record: kgo.Record{Key: []byte("k"), Headers: binaryEvent("foo", "bar")}, want: small},
		"R20_no_id":                    {record: kgo.Record{Headers: h("ce_specversion", "1.0")}, want: wrapped.with("ce-kafkaheadercespecversion", "1.0")},
		"R22_time_without_offset":      {record: kgo.Record{Headers: h("ce_specversion", "1.0", "ce_time", "2020-01-01T00:00:00")}, want: wrapped.with("ce-kafkaheadercespecversion", "1.0", "ce-kafkaheadercetime", "2020-01-01T00:00:00")},
		"R22_source_is_no_uri":         {record: kgo.Record{Headers: h("ce_specversion", "1.0", "ce_id", "i", "ce_type", "y", "ce_source", "a b")}, want: wrapped.with("ce-kafkaheadercespecversion", "1.0", "ce-kafkaheaderceid", "i", "ce-kafkaheadercetype", "y", "ce-kafkaheadercesource", "a b")},
		"R26_other_version": {
			record: kgo.Record{Headers: append(binaryEvent(), h("ce_specversion", "1.1")...)},
			want:   wrapped.with("ce-kafkaheadercespecversion", "1.1", "ce-kafkaheaderceid", "i", "ce-kafkaheadercetype", "y", "ce-kafkaheadercesource", "/s"),
		},
		"R26_version_in_other_letters":  {record: kgo.Record{Headers: binaryEvent("ce_SpecVersion", "0.3")}, want: small},
		"R26_names_count_to_the_letter": {record: kgo.Record{Headers: h("CE_specversion", "1.0")}, want: wrapped.with("ce-kafkaheadercespecversion", "1.0")},
		"R26_batch": {
			record: kgo.Record{Headers: binaryEvent("content-type", "application/cloudevents-batch+json")},
			want:   wrapped.with("content-type", "application/cloudevents-batch+json", "ce-kafkaheadercespecversion", "1.0", "ce-kafkaheaderceid", "i", "ce-kafkaheadercetype", "y", "ce-kafkaheadercesource", "/s"),
		},
		"R27_version_0.3": {
			record: kgo.Record{Headers: append(binaryEvent("ce_schemaurl", "http://x"), h("ce_specversion", "0.3")...)},
			want:   small.with("ce-specversion", "0.3", "ce-schemaurl", "http://x"),
		},
		"R28_not_json": {
			record: kgo.Record{Headers: h("content-type", "application/cloudevents+json"), Value: []byte("{not json")},
			want:   wrapped.with("content-type", "application/cloudevents+json"), data: "{not json",
		},
		"R28_null": {
			record: kgo.Record{Headers: h("content-type", "application/cloudevents+json", "ce_specversion", "1.0")},
			want:   wrapped.with("content-type", "application/cloudevents+json", "ce-kafkaheadercespecversion", "1.0"),
		},
		"R29_int":                {record: kgo.Record{Key: []byte{0, 0, 0, 42}}, keyType: "int", want: wrapped.with("ce-key", "42", "ce-partitionkey", "42")},
		"R29_int_of_three_bytes": {record: kgo.Record{Key: []byte("abc")}, keyType: "int", want: wrapped.with("ce-key", "abc", "ce-partitionkey", "abc")},
		"R30_float":              {record: kgo.Record{Key: []byte{0x3f, 0xc0, 0, 0}}, keyType: "float", want: wrapped.with("ce-key", "1.5", "ce-partitionkey", "1.5")},
		"R31_byte_array":         {record: kgo.Record{Key: []byte{0, 0xff, 0x10}}, keyType: "byte-array", want: wrapped.with("ce-key", "AP8Q", "ce-partitionkey", "AP8Q")},
		"R32_unknown_key_type":   {record: kgo.Record{Key: []byte("grüße")}, keyType: "long", want: wrapped.with("ce-key", "gr\xfc\xdfe", "ce-partitionkey", "gr\xfc\xdfe")},
		"H1_null_header":         {record: kgo.Record{Headers: []kgo.RecordHeader{{Key: "foo"}, {Key: "content-type"}}}, want: wrapped},
		"H1_null_header_of_event": {
			record: kgo.Record{Headers: append(binaryEvent(), kgo.RecordHeader{Key: "ce_x"})}, want: small,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(&sinks{})
			c.KeyType, c.Overrides = tc.keyType, tc.overrides
			header, data := request(t, c, tc.record)
			want := maps.Clone(always)
			maps.Copy(want, tc.want)
			wantRequest(t, header, data, want, tc.data)
		})
	}
}

// TestManyHeaders: the attributes stay apart, and the last one counts, also
// where they are found in another way.
func TestManyHeaders(t *testing.T) {
	t.Parallel()
	for n := range 100 {
		headers, want := binaryEvent(), small.with()
		for i := range 2 * n {
			name, value := "x"+strconv.Itoa(i%n), strconv.Itoa(i)
			headers = append(headers, h("ce_"+name, value)...)
			want = want.with("ce-"+name, value)
		}
		maps.Copy(want, always)
		header, data := request(t, testConfig(&sinks{}), kgo.Record{Headers: headers})
		wantRequest(t, header, data, want, "")
	}
}

// TestBadExtensionName is R23: one bad name makes the whole record no event.
func TestBadExtensionName(t *testing.T) {
	t.Parallel()
	for _, r := range []kgo.Record{
		{Headers: binaryEvent("ce_my-ext", "1")}, {Headers: binaryEvent("ce_ä", "1")},
		jsonEvent(`,"my_ext":1`), jsonEvent(`,"Ext":1`),
	} {
		if header, _ := request(t, testConfig(&sinks{}), r); header["ce-type"][0] != "dev.knative.kafka.event" {
			t.Errorf("%s is taken for an event", r.Headers)
		}
	}
}

// The client makes of a timestamp what 64 bits of nanoseconds hold.
func TestTimeText(t *testing.T) {
	for ms, want := range map[int64]string{
		0: "1970-01-01T00:00:00Z", -1: "1969-12-31T23:59:59.999Z", 1700000000120: "2023-11-14T22:13:20.12Z", -5364662400000: "1800-01-01T00:00:00Z",
		9223372036854: "2262-04-11T23:47:16.854Z", 9223372036855: "2262-04-11T23:47:16.855Z", -9223372036855: "1677-09-21T00:12:43.145Z",
		253402300799999: "9999-12-31T23:59:59.999Z", 253402300800000: "+10000-01-01T00:00:00Z", -62135596800000: "0001-01-01T00:00:00Z",
	} {
		if got := timeText(&kgo.Record{Timestamp: time.Unix(0, ms*1e6)}); got != want {
			t.Errorf("%d ms: %s, want %s", ms, got, want)
		}
	}
}
