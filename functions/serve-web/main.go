// Command serve-web serves the pages and the statistics.
package main

import "somssi/shared"

func main() {
	shared.Serve("serve-web", handler{shared.Redis()}.routes())
}
