// Command keep-dead-letters is the dead letter sink of every source: it keeps
// the events that a function gave up, or that could not be delivered.
package main

import (
	"net/http"

	"somssi/shared"
)

func main() {
	routes := http.NewServeMux()
	routes.Handle("POST /", shared.Answer(handler{shared.SQL()}.keep))
	// As a record of Kafka can have: what another function refused for its headers is kept above all.
	shared.Serve("keep-dead-letters", 1<<20, routes)
}
