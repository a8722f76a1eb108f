// Command migrate brings the schema of $DATABASE_URL to the newest version, and ends.
package main

import (
	"context"

	"somssi/infra/schema"
	"somssi/shared"
)

func main() {
	address := shared.Env("DATABASE_URL")
	shared.Stop(schema.Migrate(context.Background(), shared.SQL(), address))
}
