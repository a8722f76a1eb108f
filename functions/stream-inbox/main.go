// Command stream-inbox keeps browsers live: each is told of a new talent as soon as its timeline has it.
package main

import (
	"context"
	"os/signal"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"somssi/shared"
	"somssi/shared/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	h := &hub{users: shared.OpenUsers(), db: shared.SQL(), rdb: shared.Redis(), streams: map[*stream]bool{},
		open:  promauto.With(telemetry.Metrics("stream-inbox")).NewGauge(prometheus.GaugeOpts{Name: "somssi_streams", Help: "Open streams."}),
		fresh: promauto.With(telemetry.Metrics("stream-inbox")).NewHistogram(prometheus.HistogramOpts{Name: "somssi_freshness_seconds", Help: "From a registration to its written frame.", Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 5, 10, 30, 60, 300}})}
	shared.Serve("stream-inbox", 16<<10, h.routes(ctx))
}
