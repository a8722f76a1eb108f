// Command reconcile-views compares SQL with what the views in Redis hold, and
// has what they lack told again.
package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"somssi/shared"
)

func main() {
	after, err := time.ParseDuration(shared.Env("RECONCILE_AFTER"))
	shared.Stop(err)
	outbox := shared.OpenOutbox("reconcile-views", shared.SQL())
	defer outbox.Close()
	repaired := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "somssi_repaired_total", Help: "Talents of which a view lacked something."}, []string{"view"})
	prometheus.MustRegister(repaired)
	shared.Main("reconcile-views", handler{outbox, shared.Redis(), after, repaired}.handle)
}
