package source

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestStructured(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		members string // besides the mandatory ones
		want    fields // nil if it is no event
		data    string
	}{
		"null_is_absent":           {`,"subject":null,"time":null,"datacontenttype":null`, small, ""},
		"optional_attributes":      {`,"subject":"u","time":"2020-01-01T00:00Z","dataschema":"urn:x"`, small.with("ce-subject", "u", "ce-time", "2020-01-01T00:00:00Z", "ce-dataschema", "urn:x"), ""},
		"data_text":                {`,"data":"text"`, small.with("content-type", "application/json"), `"text"`},
		"data_null":                {`,"data":null`, small.with("content-type", "application/json"), `null`},
		"data_text_json_type":      {`,"datacontenttype":"text/vnd+json;x=y","data":[1]`, small.with("content-type", "text/vnd+json;x=y"), `[1]`},
		"data_json_type":           {`,"datacontenttype":"application/vnd+json;x=y","data":[1 ,2]`, small.with("content-type", "application/vnd+json;x=y"), `[1,2]`},
		"data_plain_text":          {`,"datacontenttype":"text/plain","data":"ä\n"`, small.with("content-type", "text/plain"), "ä\n"},
		"data_plain_object":        {`,"datacontenttype":"text/plain","data":{}`, nil, ""},
		"data_base64":              {`,"data_base64":"AP8="`, small, "\x00\xff"},
		"data_base64_bad":          {`,"data_base64":"*"`, nil, ""},
		"data_base64_number":       {`,"data_base64":7`, nil, ""},
		"data_twice":               {`,"data":1,"data_base64":"AA=="`, nil, ""},
		"numbers":                  {`,"data":[1.10,1e3,-0,123456789012345678901234567890,1e400,1e-7,0.001]`, small.with("content-type", "application/json"), `[1.1,1000.0,0,123456789012345678901234567890,"Infinity",1.0E-7,0.001]`},
		"extension_boolean":        {`,"b":true`, small.with("ce-b", "true"), ""},
		"extension_integer":        {`,"n":-2147483648`, small.with("ce-n", "-2147483648"), ""},
		"extension_long":           {`,"n":2147483648`, nil, ""},
		"extension_decimal":        {`,"n":5.0`, nil, ""},
		"extension_object":         {`,"o":{"a": 1}`, small.with("ce-o", `{"a":1}`), ""},
		"extension_null":           {`,"o":null`, small.with("ce-o", `null`), ""},
		"subject_number":           {`,"subject":1`, nil, ""},
		"bad_time":                 {`,"time":"yesterday"`, nil, ""},
		"bad_schema":               {`,"dataschema":"a b"`, nil, ""},
		"schemaurl_is_extension":   {`,"schemaurl":"a b"`, small.with("ce-schemaurl", "a b"), ""},
		"repeated_member":          {`,"a":"1","a":"2"`, nil, ""},
		"lone_surrogate":           {`,"a":"\ud800"`, nil, ""},
		"encoding_is_an_extension": {`,"datacontentencoding":"base64","data":"AA=="`, small.with("ce-datacontentencoding", "base64", "content-type", "application/json"), `"AA=="`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantStructured(t, jsonEvent(tc.members), tc.want, tc.data)
		})
	}
}

func TestStructuredText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want fields
		data string
	}{
		"no_id":          {`{"specversion":"1.0","source":"/s","type":"y"}`, nil, ""},
		"id_number":      {`{"specversion":"1.0","id":1,"source":"/s","type":"y"}`, nil, ""},
		"id_null":        {`{"specversion":"1.0","id":null,"source":"/s","type":"y"}`, nil, ""},
		"no_version":     {`{"id":"i","source":"/s","type":"y"}`, nil, ""},
		"version_number": {`{"specversion":1.0,"id":"i","source":"/s","type":"y"}`, nil, ""},
		"other_version":  {`{"specversion":"1.1","id":"i","source":"/s","type":"y"}`, nil, ""},
		"array":          {`[{"specversion":"1.0","id":"i","source":"/s","type":"y"}]`, nil, ""},
		"text_after_it":  {`{"specversion":"1.0","id":"i","source":"/s","type":"y"} x`, nil, ""},
		"space_after_it": {"{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\",\"type\":\"y\"}\n", small, ""},
		"not_utf8":       {"{\"specversion\":\"1.0\",\"id\":\"\xff\",\"source\":\"/s\",\"type\":\"y\"}", nil, ""},
		"cut_off":        {`{"specversion":"1.0","id":"i","source":"/s","type":"y"`, nil, ""},
		"empty":          {``, nil, ""},
		"0.3": {
			`{"specversion":"0.3","id":"i","source":"/s","type":"y","schemaurl":"/u","datacontenttype":"text/plain","datacontentencoding":"base64","data":"AP8="}`,
			small.with("ce-specversion", "0.3", "ce-schemaurl", "/u", "content-type", "text/plain"), "\x00\xff",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := kgo.Record{Headers: h("content-type", "application/cloudevents+json"), Value: []byte(tc.text)}
			wantStructured(t, r, tc.want, tc.data)
		})
	}
}

// wantStructured wants r to be an event, or wrapped if want is nil.
func wantStructured(t *testing.T, r kgo.Record, want fields, data string) {
	t.Helper()
	if want == nil {
		want, data = wrapped.with("content-type", string(r.Headers[0].Value)), string(r.Value)
	}
	header, got := request(t, testConfig(&sinks{}), r)
	wantRequest(t, header, got, want.with("ce-knativekafkapartition", "3", "ce-knativekafkaoffset", "7"), data)
}
