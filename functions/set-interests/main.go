// Command set-interests keeps which categories a user follows.
package main

import "somssi/shared"

func main() {
	h := newHandler(shared.OpenUsers(), shared.SQL(), shared.Redis())
	shared.Serve("set-interests", h.routes())
}
