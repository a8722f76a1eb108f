package conformance

import (
	"os"
	"strings"
	"testing"

	"somssi/shared/eventtest"
)

// TestTwin is the whole suite on the twin in this process, on an embedded Kafka
// and on a real one. CASES chooses some, by comma.
func TestTwin(t *testing.T) {
	t.Parallel()
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		runAll(t, Options{})
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		runAll(t, Options{Kafka: strings.Split(eventtest.Real(t, "TEST_KAFKA_BROKERS")[0], ",")})
	})
}

func runAll(t *testing.T, o Options) {
	t.Helper()
	if some := os.Getenv("CASES"); some != "" {
		o.Select = strings.Split(some, ",")
	}
	results, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Result != Pass {
			t.Errorf("%s %s (%d ms): %s", r.ID, r.Result, r.Millis, r.Why)
			for _, d := range r.Differences {
				t.Errorf("expected\n%s\nreceived\n%s", d.Expected, d.Received)
			}
		}
		t.Logf("%s %s in %d ms", r.ID, r.Result, r.Millis)
	}
}
