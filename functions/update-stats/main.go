// Command update-stats counts registered talents. With the argument rebuild it
// counts again, from SQL, those that Redis has lost.
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
	shared.Main("update-stats", h.handle)
}
