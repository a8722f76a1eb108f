package harness

import (
	"testing"
	"time"

	"somssi/local/source"
)

func TestNext(t *testing.T) {
	policy := source.Delivery{Retry: 3, Exponential: true, Delay: time.Second}
	for _, tc := range []struct {
		fate      string
		policy    source.Delivery
		hasSource bool
		want      string
	}{
		{source.Done, policy, true, "the event is done"},
		{source.Again, policy, true, "it would be tried again after 2s, up to 3 times, then go to the dead letter sink"},
		{source.Again, source.Delivery{}, true, "it would go to the dead letter sink: retry is 0"},
		{source.DeadLetter, policy, true, "it would go to the dead letter sink at once"},
		{source.Again, policy, false, "no Kafka trigger sends to this function: whoever does decides"},
	} {
		if got := next(tc.fate, tc.policy, tc.hasSource); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.fate, got, tc.want)
		}
	}
}
