package shared

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"somssi/shared/eventtest/seeds"
	"somssi/shared/telemetry"
)

// hostile is a request that a sender of events can make by mistake or on purpose.
type hostile struct {
	name   string
	header []string // lines
	body   string
	ok     string // why it is accepted; "" where it has to be refused
}

const (
	structured = "Content-Type: application/cloudevents+json"
	rest       = `"id":"e-1","source":"/somssi/try","type":"somssi.tried.v1"`
	whole      = `"specversion":"1.0",` + rest
)

// many is n lines or members, which format makes of their number.
func many(n int, format, between string) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(all, between)
}

// hostileBinary are requests whose event is in ce- headers.
func hostileBinary() []hostile {
	long, json := strings.Repeat("x", 10<<10), "Content-Type: application/json"
	return []hostile{
		{"a_header_named_Ce-", attributes("Ce-: x"), "", ""}, // ends a process that uses the SDK's receivers
		{"a_header_named_Ce--", attributes("Ce--: x"), "", ""},
		{"no_specversion", attributes("ce-specversion"), "", ""},
		{"blank_specversion", attributes("ce-specversion: "), "", ""},
		{"specversion_0.3", attributes("ce-specversion: 0.3"), "", ""},
		{"specversion_1", attributes("ce-specversion: 1"), "", ""},
		{"specversion_2.0", attributes("ce-specversion: 2.0"), "", ""},
		{"specversion_twice", append(attributes(), "ce-specversion: 1.0"), "", ""},
		{"no_id", attributes("ce-id"), "", ""},
		{"blank_id", attributes("ce-id:  "), "", ""},
		{"id_twice", append(attributes(), "CE-ID: e-2"), "", ""},
		{"id_twice_alike", append(attributes(), "ce-id: e-1"), "", ""},
		{"id_of_128_bytes", attributes("ce-id: " + long[:128]), "", "the limit itself"},
		{"id_of_129_bytes", attributes("ce-id: " + long[:129]), "", ""},
		{"id_of_200_KB", attributes("ce-id: " + strings.Repeat("x", 200<<10)), "", ""},
		{"id_with_a_tab", attributes("ce-id: e\t1"), "", ""},
		{"id_with_NUL", attributes("ce-id: e\x001"), "", ""},
		{"id_with_DEL", attributes("ce-id: e\x7f1"), "", ""},
		{"id_in_Latin-1", attributes("ce-id: gr\xfc\xdfe"), "", ""},
		{"id_cut_inside_a_character", attributes("ce-id: e\xec\x86"), "", ""},
		{"id_with_an_encoded_surrogate", attributes("ce-id: e\xed\xa0\x80"), "", ""},
		{"id_with_an_overlong_slash", attributes("ce-id: e\xc0\xaf"), "", ""},
		{"id_with_a_replacement_character", attributes("ce-id: e\ufffd"), "", ""},
		{"id_in_NFD", attributes("ce-id: e\u0301"), "", ""},
		{"id_from_right_to_left", attributes("ce-id: e\u202e1"), "", ""},
		{"id_with_a_zero_width_space", attributes("ce-id: e\u200b1"), "", ""},
		{"id_with_a_filler", attributes("ce-id: e\u31641"), "", ""},
		{"id_of_a_private_character", attributes("ce-id: \ue000"), "", ""},
		{"id_percent_encoded", attributes("ce-id: e%0a1"), "", "KafkaSource encodes nothing, so nothing is decoded: it is these six characters"},
		{"id_of_a_converted_record", attributes("ce-id: partition:3/offset:9"), "", "KafkaSource's own"},
		{"no_source", attributes("ce-source"), "", ""},
		{"blank_source", attributes("ce-source: "), "", ""},
		{"source_with_a_bad_address", attributes("ce-source: http://[::1"), "", ""},
		{"source_with_a_bad_escape", attributes("ce-source: /%zz"), "", ""},
		{"source_of_513_bytes", attributes("ce-source: /" + long[:512]), "", ""},
		{"no_type", attributes("ce-type"), "", ""},
		{"blank_type", attributes("ce-type:"), "", ""},
		{"type_of_129_bytes", attributes("ce-type: " + long[:129]), "", ""},
		{"empty_subject", attributes("ce-subject: "), "", ""},
		{"subject_of_257_bytes", attributes("ce-subject: " + long[:257]), "", ""},
		{"no_time", attributes("ce-time: yesterday"), "", ""},
		{"empty_time", attributes("ce-time: "), "", ""},
		{"time_without_zone", attributes("ce-time: 2026-01-02T03:04:05"), "", ""},
		{"time_in_the_year_0", attributes("ce-time: 0000-01-01T00:00:00Z"), "", ""},
		{"time_in_the_year_1", attributes("ce-time: 0001-01-01T00:00:00Z"), "", "it is the zero time, which the SDK takes for none"},
		{"time_in_1899", attributes("ce-time: 1899-12-31T23:59:59Z"), "", ""},
		{"time_in_the_year_10000", attributes("ce-time: 10000-01-01T00:00:00Z"), "", ""},
		{"dataschema_that_is_relative", attributes("ce-dataschema: /schemas/a.json"), "", ""},
		{"dataschema_with_a_bad_escape", attributes("ce-dataschema: x:/%zz"), "", ""},
		{"empty_dataschema", attributes("ce-dataschema: "), "", ""},
		{"extension_with_a_dash", attributes("ce-my-ext: x"), "", ""},
		{"extension_with_an_underscore", attributes("ce-my_ext: x"), "", ""},
		{"extension_data", attributes("ce-data: x"), "", ""},
		{"extension_data_base64", attributes("ce-data_base64: eA=="), "", ""},
		{"extension_datacontenttype", attributes("ce-datacontenttype: text/plain"), "", ""},
		{"extension_twice", attributes("ce-partitionkey: 1", "ce-other: 2", "Ce-PartitionKey: 2"), "", ""},
		{"extension_named_by_64", attributes("ce-" + long[:64] + ": x"), "", "the limit itself"},
		{"extension_named_by_65", attributes("ce-" + long[:65] + ": x"), "", ""},
		{"extension_named_by_10_KiB", attributes("ce-" + long + ": x"), "", ""},
		{"32_extensions", append(attributes(), many(32, "ce-x%d: x", "\r\n")), "", "the limit itself"},
		{"33_extensions", append(attributes(), many(33, "ce-x%d: x", "\r\n")), "", ""},
		{"1000_extensions", append(attributes(), many(1000, "ce-x%d: x", "\r\n")), "", ""},
		{"extension_of_2_KiB_and_1", attributes("ce-x: " + long[:2<<10+1]), "", ""},
		{"extension_with_a_tab", attributes("ce-x: a\tb"), "", ""},
		{"extension_with_CR", attributes("ce-x: a\rb"), "", ""},
		{"empty_extension", attributes("ce-kafkaheader: "), "", "a record may have an empty header"},
		{"extension_in_Latin-1", attributes("ce-key: gr\xfc\xdfe"), "", "KafkaSource writes keys so, and could put a refused one in no dead letter either"},
		{"no_media_type", attributes("Content-Type: ;;"), "{}", ""},
		{"media_type_with_half_a_parameter", attributes(json + "; charset"), "{}", ""},
		{"media_type_twice", attributes(json, "content-type: text/plain"), "{}", ""},
		{"UTF-16", attributes(json + "; charset=utf-16"), "\xff\xfe{\x00}\x00", ""},
		{"UTF-16_by_another_name", attributes("Content-Type: application/vnd.x+JSON; CharSet=\"UTF-16LE\""), "{\x00}\x00", ""},
		{"gzip", attributes(json, "Content-Encoding: gzip"), "\x1f\x8b", ""},
		{"gzip_by_label_only", attributes(json, "Content-Encoding: gzip"), "{}", ""},
		{"gzip_behind_an_empty_label", attributes(json, "Content-Encoding: ", "Content-Encoding: gzip"), "{}", ""},
		{"a_batch", attributes("Content-Type: application/cloudevents-batch+json"), "[]", ""},
		{"another_format_of_events", attributes("Content-Type: application/cloudevents+avro"), "x", ""},
		{"JSON_that_is_none", attributes(json), "not json", "Decode gives it up, and the keeper of dead letters has to be able to keep it"},
		{"body_of_64_KiB", attributes(), strings.Repeat("x", 64<<10), "the limit itself"},
		{"body_of_64_KiB_and_1", attributes(), strings.Repeat("x", 64<<10+1), ""},
		{"body_of_16_MiB", attributes(), strings.Repeat("x", 16<<20), ""},
	}
}

// hostileStructured are bodies that should be an event in JSON.
func hostileStructured() []hostile {
	deep := func(n int) string {
		return `{` + whole + `,"data":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	all := []hostile{}
	for _, of := range [][3]string{ // name, body, why it is accepted
		{"data_base64_of_a_number_first", `{"data_base64":7,` + whole + `}`}, // the next two end a process that uses the SDK's receivers
		{"datacontentencoding_empty_in_0.3", `{"datacontentencoding":"","specversion":"0.3",` + rest + `}`},
		{"empty", ``},
		{"cut", `{` + whole},
		{"more_after_the_end", `{` + whole + `}x`},
		{"two_events", `{` + whole + `}{` + whole + `}`},
		{"a_batch", `[{` + whole + `}]`},
		{"null", `null`},
		{"a_string", `"x"`},
		{"a_number", `7`},
		{"an_empty_object", `{}`},
		{"a_comment", `{` + whole + `/* */}`},
		{"a_comma_too_many", `{` + whole + `,}`},
		{"single_quotes", `{'specversion':'1.0'}`},
		{"a_BOM", "\xef\xbb\xbf{" + whole + `}`},
		{"UTF-16", "\xff\xfe{\x00}\x00"},
		{"NaN", `{` + whole + `,"data":NaN}`},
		{"Infinity", `{` + whole + `,"data":-Infinity}`},
		{"a_leading_zero", `{` + whole + `,"data":01}`},
		{"no_specversion", `{` + rest + `}`},
		{"specversion_null", `{"specversion":null,` + rest + `}`},
		{"specversion_a_number", `{"specversion":1.0,` + rest + `}`},
		{"specversion_0.3", `{"specversion":"0.3",` + rest + `}`},
		{"specversion_1.1", `{"specversion":"1.1",` + rest + `}`},
		{"specversion_twice", `{"specversion":"1.0",` + whole + `}`},
		{"id_twice", `{` + whole + `,"id":"e-2"}`},
		{"id_twice_by_escape", `{` + whole + `,"\u0069d":"e-2"}`},
		{"id_in_upper_case", `{"specversion":"1.0","ID":"e-1","source":"/s","type":"t"}`},
		{"id_in_both_cases", `{` + whole + `,"Id":"e-2"}`},
		{"id_missing", `{"specversion":"1.0","source":"/s","type":"t"}`},
		{"id_empty", `{"specversion":"1.0","id":"","source":"/s","type":"t"}`},
		{"id_blank", `{"specversion":"1.0","id":" ","source":"/s","type":"t"}`},
		{"id_null", `{"specversion":"1.0","id":null,"source":"/s","type":"t"}`},
		{"id_a_number", `{"specversion":"1.0","id":7,"source":"/s","type":"t"}`},
		{"id_a_number_first", `{"id":7,"specversion":"1.0","source":"/s","type":"t"}`},
		{"id_a_list", `{"id":["e-1"],"specversion":"1.0","source":"/s","type":"t"}`},
		{"id_of_200_KB", `{"specversion":"1.0","id":"` + strings.Repeat("x", 200<<10) + `","source":"/s","type":"t"}`},
		{"id_of_129_bytes", `{"specversion":"1.0","id":"` + strings.Repeat("x", 129) + `","source":"/s","type":"t"}`},
		{"id_not_UTF-8", "{\"specversion\":\"1.0\",\"id\":\"gr\xfc\xdfe\",\"source\":\"/s\",\"type\":\"t\"}"},
		{"id_with_a_lone_surrogate", `{"specversion":"1.0","id":"e\ud800","source":"/s","type":"t"}`},
		{"id_with_NUL", `{"specversion":"1.0","id":"e\u0000","source":"/s","type":"t"}`},
		{"id_with_a_tab", `{"specversion":"1.0","id":"e\t1","source":"/s","type":"t"}`},
		{"id_with_a_raw_tab", "{\"specversion\":\"1.0\",\"id\":\"e\t1\",\"source\":\"/s\",\"type\":\"t\"}"},
		{"id_in_NFD", `{"specversion":"1.0","id":"e\u0301","source":"/s","type":"t"}`},
		{"id_by_escapes", `{"specversion":"1.0","id":"\u0065-1","source":"/s","type":"t"}`, "escapes are JSON's"},
		{"source_missing", `{"specversion":"1.0","id":"e-1","type":"t"}`},
		{"source_empty", `{"specversion":"1.0","id":"e-1","source":"","type":"t"}`},
		{"source_null", `{"specversion":"1.0","id":"e-1","source":null,"type":"t"}`},
		{"source_with_a_bad_address", `{"specversion":"1.0","id":"e-1","source":"http://[::1","type":"t"}`},
		{"type_false", `{"specversion":"1.0","id":"e-1","source":"/s","type":false}`},
		{"subject_empty", `{` + whole + `,"subject":""}`},
		{"subject_blank", `{` + whole + `,"subject":" "}`},
		{"subject_null", `{` + whole + `,"subject":null}`, "the specification: null is not there"},
		{"subject_a_number", `{` + whole + `,"subject":7}`},
		{"subject_a_number_first", `{"subject":7,` + whole + `}`},
		{"time_that_is_none", `{` + whole + `,"time":"yesterday"}`},
		{"time_empty", `{` + whole + `,"time":""}`},
		{"time_a_number", `{` + whole + `,"time":1700000000}`},
		{"time_in_the_year_0", `{` + whole + `,"time":"0000-01-01T00:00:00Z"}`},
		{"time_in_the_year_1", `{` + whole + `,"time":"0001-01-01T00:00:00Z"}`, "it is the zero time, which the SDK takes for none"},
		{"datacontenttype_that_is_none", `{` + whole + `,"datacontenttype":";;","data":"x"}`},
		{"datacontenttype_empty", `{` + whole + `,"datacontenttype":"","data":{}}`},
		{"datacontenttype_a_number", `{` + whole + `,"datacontenttype":7,"data":{}}`},
		{"dataschema_relative", `{` + whole + `,"dataschema":"/schemas/a.json"}`},
		{"dataschema_with_a_bad_escape", `{` + whole + `,"dataschema":"x:/%zz"}`, "the SDK forgets it, and no function reads it"},
		{"dataschema_empty", `{` + whole + `,"dataschema":""}`},
		{"dataschema_a_number_first", `{"dataschema":7,` + whole + `}`},
		{"dataschema_a_list_first", `{"dataschema":["x:/a"],` + whole + `}`},
		{"extension_true", `{` + whole + `,"x":true}`, "a type of attributes"},
		{"extension_of_the_largest_number", `{` + whole + `,"x":2147483647}`, "a type of attributes"},
		{"extension_of_a_larger_number", `{` + whole + `,"x":2147483648}`},
		{"extension_1.5", `{` + whole + `,"x":1.5}`},
		{"extension_1e2", `{` + whole + `,"x":1e2}`},
		{"extension_1e400", `{` + whole + `,"x":1e400}`},
		{"extension_1e400_first", `{"x":1e400,` + whole + `}`},
		{"extension_an_object", `{` + whole + `,"x":{}}`},
		{"extension_a_list_first", `{"x":[],` + whole + `}`},
		{"extension_null", `{` + whole + `,"x":null}`, "the specification: null is not there"},
		{"extension_with_CRLF", `{` + whole + `,"x":"a\r\nce-id: e-2"}`},
		{"extension_in_upper_case", `{` + whole + `,"X":"a"}`},
		{"extension_in_both_cases", `{` + whole + `,"x":"a","X":"b"}`},
		{"extension_with_a_dash", `{` + whole + `,"my-ext":"a"}`},
		{"extension_without_a_name", `{` + whole + `,"":"a"}`},
		{"extension_without_a_name_and_null", `{` + whole + `,"":null,"data":{}}`},
		{"extension_named_by_10_KiB", `{` + whole + `,"` + strings.Repeat("x", 10<<10) + `":"a"}`},
		{"1000_extensions", `{` + whole + `,` + many(1000, `"x%d":1`, ",") + `}`},
		{"both_data", `{` + whole + `,"data":{},"data_base64":"e30="}`},
		{"both_data_null", `{` + whole + `,"data":null,"data_base64":null}`},
		{"data_base64_that_is_none", `{` + whole + `,"data_base64":"&"}`},
		{"data_base64_that_is_none_first", `{"data_base64":"&",` + whole + `}`},
		{"data_base64_a_number", `{` + whole + `,"data_base64":123456}`}, // whose inner digits would be the data
		{"data_base64_true", `{` + whole + `,"data_base64":true}`},
		{"data_base64_null_first", `{"data_base64":null,` + whole + `}`},
		{"data_base64_a_list", `{` + whole + `,"data_base64":["e30="]}`},
		{"data_no_text", `{` + whole + `,"datacontenttype":"text/plain","data":{}}`},
		{"data_twice", `{` + whole + `,"data":1,"data":2}`},
		{"data_with_a_name_twice", `{` + whole + `,"data":{"a":1,"a":2}}`},
		{"data_with_a_lone_surrogate", `{` + whole + `,"data":"\udc00"}`},
		{"data_not_UTF-8", "{" + whole + ",\"data\":\"gr\xfc\xdfe\"}"},
		{"data_1e400", `{` + whole + `,"data":{"n":1e400}}`},
		{"data_null", `{` + whole + `,"data":null}`, "JSON's null is data"},
		{"depth_9000", deep(9000), "nothing walks it: what a reader's type does not name is skipped"},
		{"depth_30000", deep(30000)},
		{"depth_200000", deep(200000)},
		{"depth_5000000", deep(5000000)},
	} {
		all = append(all, hostile{of[0], []string{structured}, of[1], of[2]})
	}
	twice := `{` + whole + `,"id":"e-2"}`
	for _, line := range []string{"; charset=utf-16", "; charset", "; charset=utf-8; charset=utf-16", ";;", "; =", "\r\nContent-Type: text/plain", "\r\nContent-Encoding: br", ", text/plain"} {
		all = append(all, hostile{"labelled_" + line, []string{structured + line}, `{` + whole + `}`, ""},
			hostile{"twice_labelled_" + line, []string{structured + line}, twice, ""})
	}
	return append(all, hostile{"an_attribute_in_a_header_too", []string{structured, "ce-id: e-2"}, `{` + whole + `}`, "a structured event's headers are not attributes"},
		hostile{"in_upper_case", []string{"Content-Type: Application/CloudEvents+JSON; Charset=UTF-8"}, `{` + whole + `}`, "media types have no case"},
		hostile{"in_upper_case_and_an_id_twice", []string{"Content-Type: Application/CloudEvents+JSON; Charset=UTF-8"}, twice, ""})
}

func TestHostileEvents(t *testing.T) {
	t.Parallel()
	server, log := door(t, done)
	address := server.Listener.Addr().String()
	for of, rows := range map[string][]hostile{"binary": hostileBinary(), "structured": hostileStructured()} {
		for _, tc := range rows {
			t.Run(of+"/"+tc.name, func(t *testing.T) {
				status, _, body, more := raw(t, address, request(tc.header, tc.body))

				if tc.ok != "" && status != 204 {
					t.Errorf("refused by %d %s, though %s", status, body, tc.ok)
				}
				if tc.ok == "" && !refused(status) {
					t.Errorf("answered %d %s, want a refusal", status, body)
				}
				if len(body) > 512 || more {
					t.Errorf("an answer of %d bytes, and more: %t", len(body), more)
				}
				wantGood(t, address)
			})
		}
	}
	for len(log) > 0 {
		if line := <-log; len(line) > 4<<10 || strings.Count(line, "\n") != 1 || !utf8.ValidString(line) {
			t.Errorf("log line of %d bytes: %.500q", len(line), line)
		}
	}
}

// refused tells the statuses after which KafkaSource does not send again.
func refused(status int) bool {
	switch status {
	case 400, 405, 411, 413, 415, 431:
		return true
	}
	return false
}

// What the sender of bytes can do below the level of events.
func TestHostileHTTP(t *testing.T) {
	t.Parallel()
	called := make(chan string, 100)
	server, _ := door(t, func(_ context.Context, in event.Event) error {
		called <- in.ID()
		return nil
	})
	address := server.Listener.Addr().String()
	lines := strings.Join(attributes(), "\r\n")
	smuggled := "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" + strings.Replace(lines, "e-1", "smuggled", 1) + "\r\n\r\n"
	for _, tc := range []struct {
		name, request string
		status        int // 204 for what RFC 9112 lets a server accept, and an event cannot be changed by
	}{
		{"length_and_chunks", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + lines + "\r\n\r\n0\r\n\r\n" + smuggled, 411},
		{"chunks_and_length", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n" + lines + "\r\n\r\n0\r\n\r\n" + smuggled, 411},
		{"chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + lines + "\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + smuggled, 411},
		{"two_lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 2\r\n" + lines + "\r\n\r\n" + smuggled, 400},
		{"a_length_with_a_sign", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n" + lines + "\r\n\r\n{}" + smuggled, 400},
		{"a_body_too_large_and_another", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n" + lines + "\r\n\r\n" + strings.Repeat("x", 65537) + smuggled, 413},
		{"two_hosts", "POST / HTTP/1.1\r\nHost: h\r\nHost: g\r\nContent-Length: 0\r\n" + lines + "\r\n\r\n" + smuggled, 400},
		{"a_space_before_the_colon", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length : 0\r\n" + lines + "\r\n\r\n" + smuggled, 400},
		{"TRACE", "TRACE / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + lines + "\r\n\r\n", 405},
		{"CONNECT", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + lines + "\r\n\r\n", 405},
		{"GET", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + lines + "\r\n\r\n", 405},
		{"OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + lines + "\r\n\r\n", 200}, // net/http answers it itself
		{"PUT", "PUT / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n" + lines + "\r\n\r\n", 405},
		{"another_site", "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\nSec-Fetch-Site: cross-site\r\n" + lines + "\r\n\r\n", 403},
		{"folded", "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n" + lines + "\r\nX-Folded: a\r\n b\r\n\r\n", 204},
		{"bare_LF", "POST / HTTP/1.1\nHost: h\nConnection: close\nContent-Length: 0\n" + strings.ReplaceAll(lines, "\r", "") + "\n\n", 204},
		{"an_address_as_path", "POST http://g/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n" + lines + "\r\n\r\n", 204},
		{"HTTP_1.0_without_host", "POST / HTTP/1.0\r\nContent-Length: 0\r\n" + lines + "\r\n\r\n", 204},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, header, body, more := raw(t, address, tc.request)
			if status != tc.status || more {
				t.Errorf("answered %d %s and more: %t, want %d alone", status, body, more, tc.status)
			}
			if (status == 411 || status == 413 || status == 400) && header.Get("Connection") != "close" {
				t.Error("the connection is kept")
			}
			wantGood(t, address)
		})
	}
	server.Close() // all handlers have returned
	close(called)
	for id := range called {
		if id != "e-1" {
			t.Errorf("a second request hid in the first: %s", id)
		}
	}
}

// checker is what sends a request past the network, one at a time, and fails where
// the answer breaks a promise. It returns the event of an accepted one.
func checker() func(t *testing.T, header http.Header, body []byte) *event.Event {
	var in *event.Event
	var log bytes.Buffer
	function := guarded(zerolog.New(&log), prometheus.NewRegistry(), receiver(telemetry.Events(prometheus.NewRegistry()), func(_ context.Context, e event.Event) error {
		in = &e
		return nil
	}))
	return func(t *testing.T, header http.Header, body []byte) *event.Event {
		t.Helper()
		in = nil
		log.Reset()
		r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		function.ServeHTTP(w, r)
		if (w.Code == 204) != (in != nil) || w.Code != 204 && !refused(w.Code) && w.Code != 403 || w.Body.Len() > 1024 || log.Len() > 8<<10 {
			t.Fatalf("answered %d %s\n%s", w.Code, w.Body, log.String())
		}
		if in == nil {
			return nil
		}
		if text := in.ID() + in.Source() + in.Type() + in.Subject(); in.ID() == "" || in.Source() == "" || in.Type() == "" || !utf8.ValidString(text) || len(text) > 1024 || strings.ContainsAny(text, "\r\n\x00") {
			t.Fatalf("accepted %q", text)
		}
		return in
	}
}

// FuzzBinary holds every header and body to: a refusal or an event within the limits.
func FuzzBinary(f *testing.F) {
	for _, text := range seeds.Of(f, "BG") {
		f.Add("ce-specversion: 1.0\r\nce-id: "+text+"\r\nce-source: /s\r\nce-type: t", []byte(text))
		f.Add(strings.Join(attributes("ce-x: "+text, "ce-subject: "+text), "\r\n"), []byte(text))
	}
	for _, tc := range hostileBinary() {
		if len(tc.body) <= 64<<10+1 {
			f.Add(strings.Join(tc.header, "\r\n"), []byte(tc.body))
		}
	}
	checked := checker()
	f.Fuzz(func(t *testing.T, lines string, body []byte) {
		header := http.Header{}
		for line := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
			header.Add(name, strings.TrimSpace(value))
		}
		checked(t, header, body)
	})
}

// FuzzStructured holds every body to: a refusal or an event that, written by its
// attributes in the other mode, is the same event.
func FuzzStructured(f *testing.F) {
	for _, text := range seeds.Of(f, "C") {
		f.Add([]byte(strings.NewReplacer("$attrs", whole, "$three", rest, "$data", `"data":{}`).Replace(text)))
	}
	for _, tc := range hostileStructured() {
		if len(tc.body) <= 64<<10+1 {
			f.Add([]byte(tc.body))
		}
	}
	checked := checker()
	f.Fuzz(func(t *testing.T, body []byte) {
		in := checked(t, http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}, body)
		if in == nil {
			return
		}
		r := httptest.NewRequest(http.MethodPost, "/", http.NoBody)
		if err := cehttp.WriteRequest(t.Context(), (*binding.EventMessage)(in), r); err != nil {
			t.Fatal(err)
		}
		if again := checked(t, r.Header, in.Data()); again == nil || again.ID() != in.ID() || again.Source() != in.Source() || again.Type() != in.Type() || again.Subject() != in.Subject() || !again.Time().Equal(in.Time()) {
			t.Fatalf("structured:\n%v\nbinary:\n%v", in, again)
		}
	})
}
