// Command keep-dead-letters is the dead letter sink of every source: it keeps
// the events that a function gave up, or that could not be delivered.
package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"somssi/shared"
	"somssi/shared/telemetry"
)

func main() {
	h, routes := handler{shared.SQL()}, http.NewServeMux()
	routes.Handle("POST /", shared.Answer(h.keep))
	promauto.With(telemetry.Metrics("keep-dead-letters")).NewGaugeFunc(prometheus.GaugeOpts{Name: "somssi_dead_letters",
		Help: "Dead letters that are kept, and not yet mended or thrown away; NaN while SQL is away."}, h.kept)
	// As a record of Kafka can have: what another function refused for its headers is kept above all.
	shared.Serve("keep-dead-letters", 1<<20, routes)
}
