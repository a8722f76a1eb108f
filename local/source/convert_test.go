package source

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestConvert(t *testing.T) {
	c := Config{Name: "n", Namespace: "ns", Overrides: map[string]string{"over": "x"}}
	plain := &kgo.Record{Topic: "t", Partition: 3, Offset: 9, Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(1)}
	e, ok := Convert(c, plain)
	if !ok || !e.Wrapped || string(e.Data) != "v" || e.Attributes["id"] != "partition:3/offset:9" || e.Attributes["key"] != "k" ||
		e.Attributes["source"] != "/apis/v1/namespaces/ns/kafkasources/n#t" || e.Attributes["over"] != "x" ||
		e.Header["ce-knativekafkaoffset"][0] != "9" || e.Header["Prefer"][0] != "reply" || e.Header["Kn-Namespace"][0] != "ns" {
		t.Errorf("plain: %+v", e)
	}
	c.Trigger = true
	if e, ok := Convert(c, plain); ok {
		t.Errorf("plain, for a Trigger: %+v", e)
	}
	binary := &kgo.Record{Headers: binaryEvent("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")}
	e, ok = Convert(c, binary)
	if !ok || e.Wrapped || e.Illegal != "" || e.Attributes["specversion"] != "1.0" || e.Header["traceparent"] == nil {
		t.Errorf("binary: %+v", e)
	}
	illegal := jsonEvent(`,"a":"x\u0000y"`)
	if e, _ := Convert(c, &illegal); e.Illegal != "a" || e.Attributes["a"] != "x\x00y" || e.Header["ce-a"][0] != "x?y" {
		t.Errorf("illegal: %+v", e)
	}
}

func TestJudge(t *testing.T) {
	for status, want := range map[int]string{
		0: Again, 200: Done, 299: Done, 300: DeadLetter, 400: DeadLetter, 401: DeadLetter, 404: Again, 408: Again, 409: Again, 422: DeadLetter, 429: Again, 500: Again, 503: Again,
	} {
		if got := Judge(status); got != want {
			t.Errorf("%d: %s, want %s", status, got, want)
		}
	}
}
