package harness

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"somssi/local/source"
)

// metrics is what the exporters of Kafka and of Redis tell in a cluster, under their names, as Prometheus' text. What is
// not known is left out.
func (h *Harness) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(source.Lag(func() (all []*source.Source) {
		for _, t := range h.running() {
			all = append(all, t.source)
		}
		return all
	}), aboutRedis{h})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// aboutRedis tells what the house's Redis says of itself.
type aboutRedis struct{ *Harness }

var redisIs = prometheus.NewDesc("redis_instance_info", "What Redis is.", []string{"role", "maxmemory_policy"}, nil)

// Describe tells nothing: there may be no Redis yet.
func (aboutRedis) Describe(chan<- *prometheus.Desc) {}

// Collect asks it, for at most 2 s.
func (a aboutRedis) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if a.parts == nil {
		return
	}
	if is, err := a.parts.AboutRedis(ctx); err == nil && is.Role != "" {
		to <- prometheus.MustNewConstMetric(redisIs, prometheus.GaugeValue, 1, is.Role, is.Policy)
	}
}
