package telemetry_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"somssi/shared/telemetry"
)

// Each metric has the function for a label, and all fates are there before the first event.
func TestMetrics(t *testing.T) {
	to := telemetry.Metrics("f")
	telemetry.Metrics("f") // what is there is not registered again
	count := telemetry.Events(to)
	if got := exported(t); got["somssi_events_total again"] != "0" || got["somssi_events_total dead_letter"] != "0" || got["somssi_events_total done"] != "0" {
		t.Errorf("at the start %v", got)
	}
	count("done", time.Now().Add(-2*time.Second))
	count("done", time.Time{}) // which says nothing of its age
	count("dead_letter", time.Now())
	count("again", time.Now())
	ask(t, to, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	got := exported(t)
	for name, want := range map[string]string{
		"somssi_events_total done": "2", "somssi_events_total dead_letter": "1", "somssi_events_total again": "1",
		"somssi_event_age_seconds": "1 of 2 s", "somssi_request_seconds 418": "1 of 0 s",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if got["go_goroutines"] == "" || got["process_start_time_seconds"] == "" {
		t.Errorf("of the process itself there is not all in %v", got)
	}
}

// exported is each value, by the metric and its label beside function.
func exported(t *testing.T) map[string]string {
	t.Helper()
	all, err := telemetry.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, family := range all {
		for _, metric := range family.GetMetric() {
			name, function := family.GetName(), ""
			for _, label := range metric.GetLabel() {
				if label.GetName() == "function" {
					function = label.GetValue()
				} else {
					name += " " + label.GetValue()
				}
			}
			if function != "f" {
				t.Errorf("%s is of the function %q", name, function)
			}
			values[name] = fmt.Sprint(metric.GetCounter().GetValue() + metric.GetGauge().GetValue())
			if h := metric.GetHistogram(); h != nil {
				values[name] = fmt.Sprintf("%d of %d s", h.GetSampleCount(), int(h.GetSampleSum()))
			}
		}
	}
	return values
}
