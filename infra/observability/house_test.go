// Package observability is what a cluster is watched with. Its tests hold that against a
// running house: rules and dashboards name what the functions export, and the runbooks
// mend what they are for.
package observability

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/local/parts"
	"somssi/local/template"
)

// house is the one house of all tests, with parts that they can take away. It runs
// on real parts where make test has found them.
var house struct {
	sync.Once
	*harness.Harness
	parts *parts.Parts
	state string
	err   error
}

var onReal = os.Getenv(parts.TestKafka) != ""

func TestMain(m *testing.M) {
	code := m.Run()
	if house.Harness != nil {
		if err := house.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if house.parts != nil {
		house.parts.Stop()
	}
	_ = os.RemoveAll(house.state)
	os.Exit(code)
}

func startHouse(t *testing.T) {
	t.Helper()
	house.Do(func() { house.err = start() })
	if house.err != nil {
		t.Fatal(house.err)
	}
}

func start() (err error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	if house.state, err = os.MkdirTemp("", "house"); err != nil {
		return err
	}
	if err := os.Chmod(house.state, 0o755); err != nil { // PostgreSQL's own user has to enter
		return err
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return err
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "    "+format+"\n", args...) }
	house.parts, err = parts.Start(context.Background(), parts.Options{
		Dir: filepath.Join(house.state, "parts"), Topics: t.Topics, Real: onReal, Jars: filepath.Join(root, ".somssi"), Say: say,
	})
	if err != nil {
		return err
	}
	for name, address := range map[string]string{"KAFKA_BROKERS": house.parts.Kafka, "REDIS_URL": house.parts.Redis, "DATABASE_URL": house.parts.SQL} {
		if err := os.Setenv(name, address); err != nil {
			return err
		}
	}
	house.Harness, err = harness.Start(context.Background(), harness.Options{Root: root, State: filepath.Join(house.state, ".somssi"), Say: say})
	return err
}

var lastUser = int64(500)

// newcomer is a user nobody else is, who follows the category.
func newcomer(t *testing.T, category string) *client.User {
	t.Helper()
	lastUser++
	u, err := client.SignIn(t.Context(), http.DefaultTransport, house.Run.URL, lastUser)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Follow(t.Context(), category); err != nil {
		t.Fatal(err)
	}
	return u
}

// register registers a talent of the category, as a user who does not follow it: again and again for a minute, until
// it is answered 201.
func register(ctx context.Context, category string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	lastUser++
	u, err := client.SignIn(ctx, http.DefaultTransport, house.Run.URL, lastUser)
	if err != nil {
		return err
	}
	_, err = u.Register(ctx, client.Talent{Category: category, Title: "t", PriceKrw: 1}, uuid.NewString())
	return err
}
