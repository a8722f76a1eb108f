package probe

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"somssi/local/client"
	"somssi/local/demo"
)

// Report is what a probe expected and found.
type Report struct {
	demo.Report
	Requests     int            `json:"requests"`         // to register, with those that were repeated
	Failed       map[string]int `json:"failed,omitempty"` // of them, by status
	LongestGapMs int64          `json:"longestGapMs"`     // in which no registration was answered
	Refused      []string       `json:"refused,omitempty"`
	Lost         []int64        `json:"lost,omitempty"`  // talents, some of each
	Twice        []int64        `json:"twice,omitempty"` // talents
}

// mostEvidence of a kind is told.
const mostEvidence = 10

// judge holds what was told against what was answered. What nobody was answered is
// one that was given up, or a registration that was made twice.
func (p *probe) judge(ctx context.Context) (r Report, err error) {
	told, listed := map[int64]int{}, map[int64]int{}
	for _, u := range p.followers {
		items, _, err := u.Inbox(ctx)
		if err != nil {
			return r, fmt.Errorf("read the inbox: %w", err)
		}
		for _, i := range items {
			if p.ours(i) {
				listed[i.TalentID]++
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var took []time.Duration
	for talent, at := range p.shown {
		told[talent] = len(at)
		if said, ok := p.said[talent]; ok {
			took = append(took, max(0, at[0].Sub(said))) // a frame may come first
		}
	}
	lost, shown, inInbox := map[int64]bool{}, 0, 0
	for talent := range p.said {
		shown, inInbox = shown+min(1, told[talent]), inInbox+min(1, listed[talent])
		if told[talent] == 0 || listed[talent] == 0 {
			lost[talent] = true
		}
	}
	twice, unknown := map[int64]bool{}, map[int64]bool{}
	for _, found := range []map[int64]int{told, listed} {
		for talent, times := range found {
			if _, ok := p.said[talent]; !ok {
				unknown[talent] = true
			} else if times > 1 {
				twice[talent] = true
			}
		}
	}
	if len(unknown) > len(p.refused) {
		maps.Copy(twice, unknown)
	}
	r.Figures = []demo.Figure{
		{Name: "registrations answered", Expected: p.o.Count, Found: len(p.said)},
		{Name: "shown on streams", Expected: len(p.said), Found: shown},
		{Name: "in inboxes", Expected: len(p.said), Found: inInbox},
		{Name: "lost", Expected: 0, Found: len(lost)},
		{Name: "told twice, or made twice", Expected: 0, Found: len(twice)},
	}
	r.MedianMs, r.P99Ms = client.Latency(took)
	r.Requests, r.Failed, r.LongestGapMs = p.requests, p.failed, p.gap().Milliseconds()
	r.Lost, r.Twice = some(lost), some(twice)
	for _, err := range p.refused[:min(mostEvidence, len(p.refused))] {
		r.Refused = append(r.Refused, err.Error())
	}
	return r, nil
}

func some(talents map[int64]bool) []int64 {
	all := slices.Sorted(maps.Keys(talents))
	return all[:min(mostEvidence, len(all))]
}

// gap is the longest time between two registrations that were answered.
func (p *probe) gap() (longest time.Duration) {
	at := slices.SortedFunc(maps.Values(p.said), time.Time.Compare)
	for i := range at[min(1, len(at)):] {
		longest = max(longest, at[i+1].Sub(at[i]))
	}
	return longest
}

// Write writes the report for a person.
func (r Report) Write(w io.Writer) {
	r.Report.Write(w)
	failed := 0
	for _, n := range r.Failed {
		failed += n
	}
	fmt.Fprintf(w, "   %d requests to register, %d failed; longest time without an answered one: %d ms\n", r.Requests, failed, r.LongestGapMs)
	for _, status := range slices.Sorted(maps.Keys(r.Failed)) {
		fmt.Fprintf(w, "     %s: %d\n", status, r.Failed[status])
	}
	for _, one := range r.Refused {
		fmt.Fprintf(w, "   refused: %s\n", one)
	}
	if len(r.Lost) > 0 {
		fmt.Fprintf(w, "   lost, such as talents %v\n", r.Lost)
	}
	if len(r.Twice) > 0 {
		fmt.Fprintf(w, "   told or made twice, such as talents %v\n", r.Twice)
	}
}
