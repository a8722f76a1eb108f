// Command evict-cache drops from the cache what an event says is out of date.
package main

import "somssi/shared"

func main() { shared.Main("evict-cache", handler{shared.Redis()}.handle) }
