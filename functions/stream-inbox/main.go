// Command stream-inbox keeps browsers live: each is told of a new talent as soon as its timeline has it.
package main

import (
	"context"
	"os/signal"
	"syscall"

	"somssi/shared"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	h := &hub{users: shared.OpenUsers(), db: shared.SQL(), rdb: shared.Redis(), streams: map[*stream]bool{}}
	go h.listen(ctx)
	shared.Serve("stream-inbox", 16<<10, h.routes(ctx))
}
