package conformance

import (
	"math"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recordTextRows are drawn from the text of the contract beside 9.1: how names,
// values and data are written.
var recordTextRows = []row{
	{
		id: "XR01", on: source, upstream: "contract 2.1: header names are compared exactly",
		given: "the headers of an event in capitals", when: "they are read", then: "the record is no event and is wrapped",
		run: wantWrapped([]string{"CE_specversion", "1.0", "ce_id", "i", "ce_source", "/s", "ce_type", "y"},
			"ce-kafkaheadercespecversion", "1.0", "ce-kafkaheaderceid", "i", "ce-kafkaheadercesource", "/s", "ce-kafkaheadercetype", "y"),
	},
	{
		id: "XR02", on: both, upstream: "contract 2.1, 2.2: of repeated headers the last counts",
		given: "an event with ce_subject twice and specversion 0.3 before 1.0", when: "it is read", then: "the later ones count",
		run: func(c *run) {
			r := &kgo.Record{Headers: headers("ce_specversion", "0.3", "ce_id", "a", "ce_source", "/s", "ce_type", "y", "ce_subject", "1", "ce_subject", "2", "ce_specversion", "1.0")}
			c.write(r)
			c.one(r, small("a").with("ce-subject", "2"), "")
		},
	},
	{
		id: "XR03", on: source, upstream: "contract 2.5: the content type of any case, in lower case as a whole",
		given: "a plain record with Content-Type: Text/Plain; Charset=UTF-8", when: "it is read", then: "content-type: text/plain; charset=utf-8",
		run: wantWrapped([]string{"Content-Type", "Text/Plain; Charset=UTF-8"}, "content-type", "text/plain; charset=utf-8"),
	},
	{
		id: "XR04", on: source, upstream: "contract 2.1: other event formats are no events",
		given: "content types application/cloudevents-batch+json and application/cloudevents+avro, and one in capitals", when: "they are read, also with ce_ headers", then: "all are wrapped",
		run: func(c *run) {
			batch, avro := plain("[]", "content-type", "application/cloudevents-batch+json"), plain("x", "content-type", "application/cloudevents+avro", "ce_specversion", "1.0")
			capitals := plain("{}", "content-type", "APPLICATION/cloudevents+json")
			c.write(batch, avro, capitals)
			all := c.only("sink", 3)
			c.want(all[0], batch, c.wrapped(batch).with("content-type", "application/cloudevents-batch+json"), "[]")
			c.want(all[1], avro, c.wrapped(avro).with("content-type", "application/cloudevents+avro", "ce-kafkaheadercespecversion", "1.0"), "x")
			c.want(all[2], capitals, c.wrapped(capitals).with("content-type", "application/cloudevents+json"), "{}")
		},
	},
	{
		id: "XR05", on: both, upstream: "contract 2.3: data as it is written again",
		given: "structured events with data of each kind", when: "they are read",
		then: "JSON is compact with numbers by way of a double, null is null, text of another type is its bytes, data_base64 its bytes",
		run: func(c *run) {
			c.wantData([][3]string{
				{`,"data":{ "n": [1.10, 1e3, 12345678901234567890, -7], "t": "\u00e9\/" }`, "application/json", `{"n":[1.1,1000.0,12345678901234567890,-7],"t":"é/"}`},
				{`,"data":null`, "application/json", "null"},
				{`,"data":"text"`, "application/json", `"text"`},
				{`,"datacontenttype":"text/plain","data":"é\n"`, "text/plain", "é\n"},
				{`,"datacontenttype":"application/vnd.x+json","data":"x"`, "application/vnd.x+json", "x"},
				{`,"datacontenttype":"application/vnd+json; a=b","data":"x"`, "application/vnd+json; a=b", `"x"`},
				{`,"datacontenttype":"image/png","data_base64":"AP8="`, "image/png", "\x00\xff"},
				{`,"data_base64":"AP8="`, "", "\x00\xff"},
			})
		},
	},
	{
		id: "XR06", on: source, upstream: "contract 2.3: any defect makes it no event",
		given: "structured events with data beside data_base64, a number beyond 32 bits, a name with a capital, an id that is a number", when: "they are read", then: "all are wrapped",
		run: func(c *run) {
			records := []*kgo.Record{
				structured("0", `,"data":1,"data_base64":"AA=="`), structured("1", `,"ext":2147483648`), structured("2", `,"ext":1.5`), structured("3", `,"Ext":"x"`),
				structured("4", `,"subject":1`), structured("5", `,"datacontenttype":"text/plain","data":{}`),
			}
			c.write(records...)
			for i, got := range c.only("sink", len(records)) {
				c.want(got, records[i], c.wrapped(records[i]).with("content-type", "application/cloudevents+json; charset=utf-8"), string(records[i].Value))
			}
		},
	},
	{
		id: "XR07", on: both, upstream: "contract 2.3: extensions by their text; null is absent of an attribute",
		given: "a structured event with extensions of all kinds, and attributes that are null", when: "it is read", then: "booleans, integers and JSON as text, and the attributes absent",
		run: func(c *run) {
			r := structured("a", `,"b":true,"n":-2147483648,"o":{"x": 1},"l":[1, "2"],"z":null,"subject":null,"time":null,"datacontenttype":null`)
			r.Headers = append(r.Headers, headers("ce_ignored", "x")...)
			c.write(r)
			c.one(r, small("a").with("ce-b", "true", "ce-n", "-2147483648", "ce-o", `{"x":1}`, "ce-l", `[1,"2"]`, "ce-z", "null"), "")
		},
	},
	{
		id: "XR08", on: both, upstream: "contract 2.2, 2.6: time is written again",
		given: "times without seconds, with zeros at the end of the fraction, with another offset", when: "events with them are read", then: "seconds are there, zeros are not, the offset stays",
		run: func(c *run) {
			times := map[string]string{
				"2020-01-01T00:00Z": "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.120+01:00": "2020-01-01T00:00:00.12+01:00",
				"2020-01-01T00:00:00.000Z": "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.123456789-18:00": "2020-01-01T00:00:00.123456789-18:00",
			}
			var records []*kgo.Record
			for given := range times {
				records = append(records, event(given, "ce_time", given))
			}
			c.write(records...)
			c.each("sink", records, func(_ *kgo.Record, id string) (fields, string) { return small(id).with("ce-time", times[id]), "" })
		},
	},
	{
		id: "XR09", on: source, upstream: "contract 2.2: source and dataschema must be URIs",
		given: "an event whose source has a space", when: "it is read", then: "it is wrapped",
		run: wantWrapped([]string{"ce_specversion", "1.0", "ce_id", "i", "ce_source", "a b", "ce_type", "y"},
			"ce-kafkaheadercespecversion", "1.0", "ce-kafkaheaderceid", "i", "ce-kafkaheadercesource", "a b", "ce-kafkaheadercetype", "y"),
	},
	{
		id: "XR10", on: source, upstream: "contract 2.5: names of headers; the last of a collision wins",
		given: "headers a-b, A_B, and --", when: "a plain record with them is read", then: "ce-kafkaheaderab is the last one's, and -- is ce-kafkaheader",
		run: wantWrapped([]string{"a-b", "1", "A_B", "2", "--", "3"}, "ce-kafkaheaderab", "2", "ce-kafkaheader", "3"),
	},
	{
		id: "XR11", on: source, upstream: "contract 2.6: milliseconds without zeros at the end",
		given: "a plain record of a time that ends in .120", when: "it is read", then: "its time is in UTC and ends in .12Z",
		run: func(c *run) {
			r := plain("x")
			r.Timestamp = recently()
			c.write(r)
			c.one(r, c.wrapped(r), "x")
		},
	},
	{
		id: "XR12", on: source, upstream: "contract 2.6: numbers as Java writes them",
		given: "key type float", when: "keys of large, small and odd numbers are read", then: "1.0E10, 1.0E-5, 9999999.0, 1.0E7, 0.001, NaN, Infinity",
		set: []option{keyType("float")},
		run: wantKeys(float64Key(1e10), "1.0E10", float64Key(1e-5), "1.0E-5", float64Key(9999999), "9999999.0", float64Key(1e7), "1.0E7", float64Key(1e-3), "0.001",
			float64Key(-1), "-1.0", float64Key(math.NaN()), "NaN", float64Key(math.Inf(1)), "Infinity", float32Key(0.1), "0.1"),
	},
	{
		id: "XR13", on: source, upstream: "contract 2.6, 3: bytes that are no UTF-8 are U+FFFD, which is ? in a header",
		given: "a key and a header of bytes that are no UTF-8", when: "they are read", then: "a ? for each",
		run: func(c *run) {
			r := keyed(plain("x", "h", "\xe2\x82b"), "a\xff")
			c.write(r)
			c.one(r, c.wrapped(r).with("ce-key", "a?", "ce-partitionkey", "a?", "ce-kafkaheaderh", "?b"), "x")
		},
	},
	{
		id: "XR14", on: both, upstream: "contract 2.2: ce_datacontenttype, names in any case, no data of no bytes",
		given: "an event with ce_datacontenttype, CE attribute names in capitals and a value of no bytes", when: "it is read", then: "a content type, lower-case names, no body",
		run: func(c *run) {
			r := event("a", "ce_datacontenttype", "text/x", "ce_SUBJECT", "u", "ce_ExT", "1")
			r.Value = []byte{}
			c.write(r)
			c.one(r, small("a").with("content-type", "text/x", "ce-subject", "u", "ce-ext", "1"), "")
		},
	},
	{
		id: "XR15", on: both, upstream: "contract 2.2: mandatory attributes may be empty",
		given: "an event whose source and type are empty", when: "it is read", then: "it is delivered as it is",
		run: func(c *run) {
			r := event("a", "ce_source", "", "ce_type", "")
			c.write(r)
			c.one(r, small("a").with("ce-source", "", "ce-type", ""), "")
		},
	},
	{
		id: "XR16", on: trigger, upstream: "contract 0.5: the record's key and other headers are lost",
		given: "an event in a record with a key, another header and ce_partitionkey", when: "it is read", then: "only ce-partitionkey is there",
		run: func(c *run) {
			r := keyed(event("a", "foo", "bar", "ce_partitionkey", "p"), "k")
			c.write(r)
			c.one(r, small("a").with("ce-partitionkey", "p"), "")
		},
	},
}

// wantData writes a structured event with each members, and wants that content
// type and that data.
func (c *run) wantData(all [][3]string) {
	var records []*kgo.Record
	for i, one := range all {
		records = append(records, structured(string(rune('a'+i)), one[0]))
	}
	c.write(records...)
	for i, got := range c.only("sink", len(all)) {
		want := small(idOf(records[i]))
		if all[i][1] != "" {
			want["content-type"] = all[i][1]
		}
		c.want(got, records[i], want, all[i][2])
	}
}
