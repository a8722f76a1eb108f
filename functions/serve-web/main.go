// Command serve-web serves the pages and the statistics.
package main

import "somssi/shared"

func main() {
	shared.Serve("serve-web", 16<<10, handler{shared.Redis()}.routes())
}
