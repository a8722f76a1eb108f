package template

import (
	"testing"
	"time"
)

func TestDuration(t *testing.T) {
	for _, tc := range []struct {
		text, written string
		d             time.Duration
	}{
		{"500ms", "500ms", 500 * time.Millisecond},
		{"30s", "30s", 30 * time.Second},
		{"1.5s", "1.5s", 1500 * time.Millisecond},
		{"90s", "1m30s", 90 * time.Second},
		{"60m", "1h", time.Hour},
		{"10m", "10m", 10 * time.Minute},
		{"10m10s", "10m10s", 610 * time.Second},
		{"7d", "7d", 7 * day},
		{"1d12h", "36h", 36 * time.Hour},
		{"PT0.5S", "500ms", 500 * time.Millisecond},
		{"P1DT1H1M1S", "25h1m1s", 25*time.Hour + time.Minute + time.Second},
		{"P7D", "7d", 7 * day},
		{"PT10M", "10m", 10 * time.Minute},
	} {
		got, err := parseDuration(tc.text)
		if err != nil || time.Duration(got) != tc.d {
			t.Errorf("%s: got %v, %v", tc.text, got, err)
		}
		want(t, tc.text+" written", got.String(), tc.written)
		if again, err := parseDuration(got.String()); again != got {
			t.Errorf("%s: %s reads as %v, %v", tc.text, got, again, err)
		}
	}
	for _, text := range []string{"", "P", "PT", "5", "s", "-5s", "5 s", "1s1m", "P1M", "1D", "5S", "PT5s", "9999999d", "99999999999h", "106752d", "106750d48h"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q reads as %v", text, got)
		}
	}
}
