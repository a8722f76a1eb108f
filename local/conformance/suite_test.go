package conformance

import (
	"os"
	"strings"
	"testing"
)

// TestTwin is the whole suite on the twin in this process. CASES chooses some,
// by comma.
func TestTwin(t *testing.T) {
	t.Parallel()
	o := Options{}
	if some := os.Getenv("CASES"); some != "" {
		o.Select = strings.Split(some, ",")
	}
	results, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Result == Fail {
			t.Errorf("%s (%d ms): %s", r.ID, r.Millis, r.Why)
			for _, d := range r.Differences {
				t.Errorf("expected\n%s\nreceived\n%s", d.Expected, d.Received)
			}
		}
		t.Logf("%s %s in %d ms", r.ID, r.Result, r.Millis)
	}
}
