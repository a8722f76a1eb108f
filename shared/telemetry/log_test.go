package telemetry_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"somssi/shared/telemetry"
)

// A log line is a line of JSON under the names of ECS, whatever an event is called.
func TestLogLine(t *testing.T) {
	for name, id := range map[string]string{
		"plain": "e-1", "bad_UTF-8": "a\xff\xc3(b", "lines": "a\nb\r\n{\"log.level\":\"error\"}", "quotes": `","event.id":"x`, "control": "\x00\x1b[31m\u2028", "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			log := ask(t, prometheus.NewRegistry(), func(w http.ResponseWriter, r *http.Request) {
				telemetry.Event(r.Context(), id, "somssi.tried.v1")
				telemetry.Note(r.Context(), "error.message", id)
				w.WriteHeader(http.StatusServiceUnavailable)
			}, "Ce-Id", "e", "Ce-Traceparent", writer)
			line, one := strings.CutSuffix(log, "\n")
			var got map[string]any
			if err := json.Unmarshal([]byte(line), &got); err != nil || !one || strings.ContainsAny(line, "\r\n\x1b\x00") {
				t.Fatalf("%q: %v", log, err)
			}
			at, _ := got["@timestamp"].(string)
			if _, err := time.Parse("2006-01-02T15:04:05.000Z07:00", at); err != nil {
				t.Errorf("at %v: %v", got["@timestamp"], err)
			}
			if took, ok := got["event.duration"].(float64); !ok || took <= 0 || took > 1e10 {
				t.Errorf("took %v", got["event.duration"])
			}
			delete(got, "@timestamp")
			delete(got, "event.duration")
			id := strings.NewReplacer("\xff", "\ufffd", "\xc3", "\ufffd").Replace(id)
			want := map[string]any{"log.level": "warn", "ecs.version": "8.17.0", "service.name": "f", "event.id": id, "cloudevent.type": "somssi.tried.v1",
				"error.message": id, "http.request.method": "POST", "http.response.status_code": 503.0, "trace.id": writer[3:35], "span.id": writer[36:52]}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("logged %v\nwant   %v", got, want)
			}
		})
	}
}
