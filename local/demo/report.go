package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"text/tabwriter"
	"time"

	"somssi/local/client"
)

// Report is what a run expected and found.
type Report struct {
	Figures []Figure `json:"figures"`
	// From the answer 201 to the frame at the browser, over all frames.
	MedianMs float64 `json:"medianMs"`
	P99Ms    float64 `json:"p99Ms"`
}

// Figure is one figure, expected and found.
type Figure struct {
	Name     string `json:"name"`
	Expected int    `json:"expected"`
	Found    int    `json:"found"`
}

// ErrWrong is that a figure found is not the one expected.
var ErrWrong = errors.New("a figure is not what was expected")

func (d *demo) report(ctx context.Context) (Report, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var r Report
	var all, inboxes, frames, notWanted, lost, usersRight int
	for _, u := range d.people {
		items, _, err := u.Inbox(ctx)
		if err != nil {
			return r, err
		}
		want, has := d.expected(u.ID), map[int64]bool{}
		for _, i := range items {
			if has[i.TalentID] || !want[i.TalentID] {
				notWanted++
			}
			has[i.TalentID] = true
		}
		right := len(items) == len(want)
		for talent := range want {
			if _, ok := d.arrived[u.ID][talent]; !ok || !has[talent] {
				right = false
				lost++
			}
		}
		if right {
			usersRight++
		}
		all, inboxes, frames = all+len(want), inboxes+len(items), frames+len(d.arrived[u.ID])
	}
	events, err := d.events(ctx)
	if err != nil {
		return r, err
	}
	var stats struct {
		Talents    int
		ByCategory map[string]int
	}
	if _, err := d.people[0].Do(ctx, http.MethodGet, "/stats", nil, &stats, nil); err != nil {
		return r, err
	}
	r.Figures = []Figure{
		{"talents registered", len(d.listings), len(d.said)},
		{"events in Kafka", len(d.listings), events},
		{"items in inboxes", all, inboxes},
		{"frames on streams", all, frames},
		{"users told exactly of what they follow", users, usersRight},
		{"told twice, or of what they do not follow", 0, d.twice + notWanted},
		{"lost", 0, lost},
		{"talents in the statistics", len(d.listings), stats.Talents},
		{"categories counted right", len(d.categories()), d.countedRight(stats.ByCategory)},
	}
	r.MedianMs, r.P99Ms = d.latency()
	return r, nil
}

func (d *demo) categories() map[string]int {
	n := map[string]int{}
	for _, category := range d.of {
		n[category]++
	}
	return n
}

func (d *demo) countedRight(found map[string]int) (right int) {
	for category, n := range d.categories() {
		if found[category] == n {
			right++
		}
	}
	return right
}

// latency is the time from 201 to the frame; a frame may come first.
func (d *demo) latency() (median, p99 float64) {
	var all []time.Duration
	for _, talents := range d.arrived {
		for talent, at := range maps.All(talents) {
			all = append(all, max(0, at.Sub(d.said[talent])))
		}
	}
	return client.Latency(all)
}

// Wrong is ErrWrong where a figure is, else nil.
func (r Report) Wrong() error {
	for _, f := range r.Figures {
		if f.Expected != f.Found {
			return fmt.Errorf("%s: %w", f.Name, ErrWrong)
		}
	}
	return nil
}

// Write writes the report as a table.
func (r Report) Write(w io.Writer) {
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\texpected\tfound\t\t")
	for _, f := range r.Figures {
		mark := "ok"
		if f.Expected != f.Found {
			mark = "WRONG"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t\n", f.Name, f.Expected, f.Found, mark)
	}
	_ = table.Flush()
	fmt.Fprintf(w, "\n   from 201 to the browser's frame: median %.1f ms, 99th percentile %.1f ms\n", r.MedianMs, r.P99Ms)
}
