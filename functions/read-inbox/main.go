// Command read-inbox lists what a user was told, and keeps what he has seen, read and archived.
package main

import "somssi/shared"

func main() {
	shared.Serve("read-inbox", 16<<10, handler{shared.OpenUsers(), shared.SQL(), shared.Redis()}.routes())
}
