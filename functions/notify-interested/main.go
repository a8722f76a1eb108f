// Command notify-interested puts each new talent before everybody who follows
// its category. With the argument rebuild it makes all timelines again from SQL.
package main

import (
	"context"
	"os"

	"somssi/shared"
)

func main() {
	h := handler{shared.Redis()}
	if len(os.Args) > 1 && os.Args[1] == "rebuild" {
		shared.Stop(h.rebuild(context.Background(), shared.SQL()))
		return
	}
	shared.Main("notify-interested", h.handle)
}
