// Command reconcile-views compares SQL with what the views in Redis hold, and has what they lack told again.
package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"somssi/shared"
	"somssi/shared/telemetry"
)

func main() {
	after, err := time.ParseDuration(shared.Env("RECONCILE_AFTER"))
	shared.Stop(err)
	outbox := shared.OpenOutbox("reconcile-views", shared.SQL())
	defer outbox.Close()
	repairs := promauto.With(telemetry.Metrics("reconcile-views")).NewCounterVec(prometheus.CounterOpts{Name: "somssi_repairs_total", Help: "Talents told of again, by what lacked them."}, []string{"view"})
	for _, view := range views { // from 0, or the first repair is none to Prometheus
		repairs.WithLabelValues(view)
	}
	shared.Main("reconcile-views", handler{outbox, shared.Redis(), after, repairs}.handle)
}
