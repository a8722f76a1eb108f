package conformance

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Failed counts the results that failed.
func Failed(results []Result) (n int) {
	for _, r := range results {
		if r.Result == Fail {
			n++
		}
	}
	return n
}

// Table writes the results by section, then why cases were skipped, and at the
// end what failed, with expected and received requests side by side.
func Table(w io.Writer, results []Result) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "SECTION\tPASS\tFAIL\tSKIP\t  ")
	total := [3]int{}
	for _, s := range sections {
		counts := [3]int{}
		for _, r := range results {
			if r.Section == s.number {
				counts[slices.Index([]string{Pass, Fail, Skip}, r.Result)]++
			}
		}
		if counts == [3]int{} {
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t  %s\n", s.number, counts[0], counts[1], counts[2], s.title)
		for i, n := range counts {
			total[i] += n
		}
	}
	fmt.Fprintf(table, "all\t%d\t%d\t%d\t  \n", total[0], total[1], total[2])
	_ = table.Flush()
	skipped(w, results)
	for _, r := range results {
		if r.Result == Fail {
			failure(w, r)
		}
	}
}

// skipped tells each reason once, with its cases.
func skipped(w io.Writer, results []Result) {
	var reasons []string
	ids := map[string][]string{}
	for _, r := range results {
		if r.Result != Skip {
			continue
		}
		if ids[r.Why] == nil {
			reasons = append(reasons, r.Why)
		}
		ids[r.Why] = append(ids[r.Why], r.ID)
	}
	for _, why := range reasons {
		fmt.Fprintf(w, "\nskipped, as %s:\n  %s\n", why, strings.Join(ids[why], " "))
	}
}

func failure(w io.Writer, r Result) {
	fmt.Fprintf(w, "\nFAIL %s: %s\n", r.ID, r.Why)
	for _, c := range Cases() {
		if c.ID == r.ID {
			fmt.Fprintf(w, "  given %s\n  when  %s\n  then  %s\n  see   %s\n", c.Given, c.When, c.Then, c.Upstream)
		}
	}
	for _, d := range r.Differences {
		fmt.Fprintln(w)
		d.sideBySide(w)
	}
}

// columnWidth is how many characters a column of a difference has.
const columnWidth = 64

// sideBySide writes both requests in two columns, the same header in the same
// line, and ! where they differ.
func (d Difference) sideBySide(w io.Writer) {
	expected, received := split(d.Expected), split(d.Received)
	names := slices.Concat(expected.names, received.names)
	slices.Sort(names)
	fmt.Fprintf(w, "    %-*s  %s\n", columnWidth, "EXPECTED", "RECEIVED")
	for _, name := range slices.Compact(names) {
		twoColumns(w, expected.lines[name], received.lines[name])
	}
	twoColumns(w, expected.body, received.body)
}

func twoColumns(w io.Writer, left, right string) {
	mark := " "
	if left != right {
		mark = "!"
	}
	for first := true; first || left != "" || right != ""; first = false {
		var l, r string
		l, left = cut(left)
		r, right = cut(right)
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %s %-*s  %s", mark, columnWidth, l, r), " "))
	}
}

// cut takes what fits in a column.
func cut(text string) (first, rest string) {
	if len(text) <= columnWidth {
		return text, ""
	}
	return text[:columnWidth], text[columnWidth:]
}

// splitRequest is a request as text, taken apart again.
type splitRequest struct {
	names []string
	lines map[string]string // by name
	body  string
}

func split(text string) splitRequest {
	out := splitRequest{lines: map[string]string{}}
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		head, body = "", text // no headers: a request line, or a body alone
	}
	out.body = strings.TrimPrefix(body, "\n")
	for line := range strings.SplitSeq(head, "\n") {
		if name, _, ok := strings.Cut(line, ": "); ok {
			out.names = append(out.names, name)
			out.lines[name] = line
		}
	}
	return out
}
