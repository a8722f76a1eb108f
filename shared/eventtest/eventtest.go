// Package eventtest helps a function's test: an event from a file, the fate of
// an error, and the stores, each in memory and for real.
package eventtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
)

// Eventually waits until what is found is what is wanted, at most a minute: tests
// say nothing of speed, and a machine may be busy.
func Eventually(t testing.TB, want string, find func() string) {
	t.Helper()
	limit, tick := time.After(time.Minute), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		got := find()
		if got == want {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("after a minute: %s\nwant: %s", got, want)
		}
	}
}

// Load reads the event in testdata/name, a CloudEvent in structured JSON.
func Load(t testing.TB, name string) event.Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var e event.Event
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// Fate names what becomes of an event when its handler returns err: "done",
// "dead letter" or "again".
func Fate(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.As(err, new(*shared.Problem)):
		return "dead letter"
	}
	return "again"
}

// Status is how err would be answered by an HTTP function, 0 for nil.
func Status(err error) int {
	p := &shared.Problem{Status: http.StatusServiceUnavailable}
	if err == nil {
		return 0
	}
	errors.As(err, &p)
	return p.Status
}

// Kafka is a broker in memory with the given topics of one partition, and a
// client that consumes them all from the start.
func Kafka(t testing.TB, topics ...string) *kgo.Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(topics...), kgo.RecordDeliveryTimeout(2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Users starts an issuer, sets OIDC_ISSUER and OIDC_AUDIENCE to it, and returns
// what makes a token: sub is the user, claims are added or replaced.
func Users(t *testing.T) (shared.Users, func(user int64, claims map[string]any) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.ES256}}}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	issuer.SetIssuer(server.URL)
	t.Setenv("OIDC_ISSUER", server.URL)
	t.Setenv("OIDC_AUDIENCE", "somssi")
	return shared.OpenUsers(), func(user int64, claims map[string]any) string {
		all := map[string]any{"iss": server.URL, "aud": "somssi", "sub": fmt.Sprint(user), "exp": time.Now().Add(time.Hour).Unix()}
		for name, value := range claims {
			all[name] = value
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return oidctest.SignIDToken(key, "k", oidc.ES256, string(text))
	}
}
