package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestTakeTurns(t *testing.T) {
	order := ""
	next := func(side string) func() (float64, error) {
		return func() (float64, error) { order += side; return float64(len(order)), nil }
	}
	all, err := takeTurns(3, next("o"), next("t"))
	if err != nil || order != "ottoot" || !slices.Equal(all, []round{{1, 2}, {4, 3}, {5, 6}}) {
		t.Errorf("turns %s, rounds %v, %v", order, all, err)
	}
	broken := errors.New("broken")
	if _, err := takeTurns(1, func() (float64, error) { return 0, broken }, next("t")); !errors.Is(err, broken) {
		t.Errorf("a side that cannot be measured: %v", err)
	}
}

func TestRow(t *testing.T) {
	rounds := []round{{8, 10}, {30, 20}, {9, 10}, {5, 10}} // ratios 0.8, 1.5, 0.9, 0.5
	for _, tc := range []struct {
		name        string
		least, most float64
		met         bool
	}{{"at_least", 0.85, 0, true}, {"at_least_missed", 0.86, 0, false}, {"at_most", 0, 0.851, true}, {"at_most_missed", 0, 0.84, false}} {
		r := Row{Least: tc.least, Most: tc.most}.of(rounds)
		if r.Met != tc.met || fmt.Sprintf("%.2f %.2f %.2f %.1f %.1f", r.Ratio, r.Low, r.High, r.Ours, r.Theirs) != "0.85 0.50 1.50 8.5 10.0" {
			t.Errorf("%s: %+v", tc.name, r)
		}
	}
}

func TestReport(t *testing.T) {
	r := Report{Rows: []Row{
		Row{Row: 7, What: "a thing", Unit: "ms", Most: 3, Notes: []string{"of it, much"}, Again: "make bench ROW=7"}.of([]round{{9, 2}}),
		{Row: 8, What: "memory", Absent: "only Linux tells"},
	}}
	var text strings.Builder
	if err := r.write(&text, "text"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"7  a thing\n", "ours 9.00   theirs 2.00   ms\n", "ratio 4.50 (4.50 to 4.50 in 1 rounds)   target at most 3.00: MISSED\n",
		"of it, much\n", "again: make bench ROW=7\n", "8  memory\n   not measured: only Linux tells\n",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// The sink counts from the first event after it was told to.
func TestSink(t *testing.T) {
	one := &window{from: 2, to: 3, over: make(chan struct{})}
	for range 3 {
		w := httptest.NewRecorder()
		take(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("x")), one)
		if w.Code != http.StatusNoContent {
			t.Errorf("status %d", w.Code)
		}
	}
	select {
	case <-one.over:
	default:
		t.Error("the window does not end")
	}
	if took := one.endedNs.Load() - one.beginNs.Load(); one.beginNs.Load() == 0 || took < 0 {
		t.Errorf("it took %d ns", took)
	}
}
