// Command relay-outbox takes to Kafka the events whose writer did not, because
// of a crash or an outage, and those written to be sent later.
package main

import (
	"somssi/shared"
	"somssi/shared/telemetry"
)

func main() {
	outbox := shared.OpenOutbox("relay-outbox", shared.SQL())
	defer outbox.Close()
	shared.Main("relay-outbox", measured(telemetry.Metrics("relay-outbox"), handler{outbox}))
}
