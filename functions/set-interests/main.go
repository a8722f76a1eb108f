// Command set-interests keeps which categories a user follows.
package main

import (
	"time"

	"somssi/shared"
)

func main() {
	h := handler{shared.OpenUsers(), shared.SQL(), shared.Redis(), time.Now}
	shared.Serve("set-interests", 16<<10, h.routes())
}
