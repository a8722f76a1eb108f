package source

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What is not delivered yet is told as lag, of each group, under the names of the Kafka exporter.
func TestLag(t *testing.T) {
	t.Parallel()
	withKafka(t, 3, func(k *fakeKafka) {
		first, _ := on(0, "a", 5)
		second, _ := on(1, "b", 2)
		k.produce(append(first, second...)...)
		c := testConfig(&sinks{answer: func(c call, _ int) reply {
			if c.id() == "a2" {
				return reply{status: 503}
			}
			return reply{status: 200}
		}})
		c.Ordered, c.Delivery = true, Delivery{Retry: 1, Delay: time.Hour}
		slow := k.start(c)
		c = testConfig(&sinks{answer: func(call, int) reply { return reply{status: 200} }})
		c.Name, c.Group = "fast", "h"
		fast := k.start(c)
		time.Sleep(commitInterval + time.Second)
		registry, w := prometheus.NewRegistry(), httptest.NewRecorder()
		registry.MustRegister(Lag(func() []*Source { return []*Source{slow, fast, slow} }))
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequestWithContext(k.Context(), http.MethodGet, "/", nil))
		var got []string
		for line := range strings.Lines(w.Body.String()) {
			if !strings.HasPrefix(line, "#") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		want := []string{
			`kafka_consumergroup_current_offset{consumergroup="g",partition="0",topic="t"} 2`,
			`kafka_consumergroup_current_offset{consumergroup="g",partition="1",topic="t"} 2`,
			`kafka_consumergroup_current_offset{consumergroup="h",partition="0",topic="t"} 5`,
			`kafka_consumergroup_current_offset{consumergroup="h",partition="1",topic="t"} 2`,
			`kafka_consumergroup_lag{consumergroup="g",partition="0",topic="t"} 3`,
			`kafka_consumergroup_lag{consumergroup="g",partition="1",topic="t"} 0`,
			`kafka_consumergroup_lag{consumergroup="g",partition="2",topic="t"} 0`,
			`kafka_consumergroup_lag{consumergroup="h",partition="0",topic="t"} 0`,
			`kafka_consumergroup_lag{consumergroup="h",partition="1",topic="t"} 0`,
			`kafka_consumergroup_lag{consumergroup="h",partition="2",topic="t"} 0`,
			`kafka_topic_partition_current_offset{partition="0",topic="t"} 5`,
			`kafka_topic_partition_current_offset{partition="1",topic="t"} 2`,
			`kafka_topic_partition_current_offset{partition="2",topic="t"} 0`,
		}
		if w.Code != http.StatusOK || !slices.Equal(got, want) {
			t.Errorf("%d\n%s\nwant\n%s", w.Code, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		stopNow(slow)
		stopNow(fast)
	})
}
