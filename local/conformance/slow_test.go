package conformance

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
)

// slow takes a fifth of a second before each request, as a dispatcher may that
// polls by a tick.
type slow struct{ http.RoundTripper }

func (s slow) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(200 * time.Millisecond)
	return s.RoundTripper.RoundTrip(r)
}

// TestSlowDispatcher runs the cases with a dispatcher that is slower than ours,
// and that was there before the sinks.
func TestSlowDispatcher(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	o := Options{Kafka: cluster.ListenAddrs(), Listen: freeAddress(t), External: true}
	plan, err := NewPlan(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	transport := func() http.RoundTripper {
		return slow{&http.Transport{DisableCompression: true, MaxConnsPerHost: 100, MaxIdleConnsPerHost: 100}}
	}
	go func() { ended <- plan.follow(ctx, nil, transport, zerolog.Nop(), func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	results, err := Run(t.Context(), o)
	if err != nil {
		t.Error(err)
	}
	for _, r := range results {
		if r.Result == Fail {
			t.Errorf("%s (%d ms): %s", r.ID, r.Millis, r.Why)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
