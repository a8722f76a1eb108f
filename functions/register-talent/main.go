// Command register-talent takes talents from their sellers: it registers, changes and closes them, and shows one.
package main

import "somssi/shared"

func main() {
	outbox := shared.OpenOutbox("register-talent", shared.SQL())
	defer outbox.Close()
	shared.Serve("register-talent", 16<<10, (&handler{users: shared.OpenUsers(), outbox: outbox, rdb: shared.Redis()}).routes())
}
