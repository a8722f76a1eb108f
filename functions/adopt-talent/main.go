// Command adopt-talent takes in the talents that other producers write to
// new_talent_events as plain JSON, and tells of them as of our own.
package main

import "somssi/shared"

func main() {
	outbox := shared.OpenOutbox("adopt-talent", shared.SQL())
	defer outbox.Close()
	shared.Main("adopt-talent", handler{outbox}.handle)
}
