package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"somssi/local/harness"
)

// listAttempts lists the attempts, without the middle of many at one place.
func listAttempts(w io.Writer, all []harness.ExplainedAttempt) {
	const begin, end = 3, 2
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, left := 0, 0; i < len(all); i++ {
		for left = i; left < len(all) && all[left].Dead == all[i].Dead; left++ {
		}
		if left -= i; all[i].N == begin+1 && left > end+1 {
			fmt.Fprintf(table, "    … %d more …\t\t\t\t\n", left-end)
			i += left - end
		}
		line(table, all[i])
	}
	_ = table.Flush()
	for i := len(all) - 1; i >= 0; i-- { // the last failure's, as the dead letter has it
		if a := all[i]; !a.Dead && a.Answer != "" {
			fmt.Fprintf(w, "    it answered: %s\n", shorten(said(a.Answer), 300))
			return
		}
	}
}

func line(table io.Writer, a harness.ExplainedAttempt) {
	to := fmt.Sprintf("attempt %d", a.N)
	if a.Dead {
		to = fmt.Sprintf("dead letter sink, attempt %d", a.N)
	}
	wait, cold := "", ""
	if a.WaitMs > 0 {
		wait = "after " + seconds(a.WaitMs)
	}
	if a.ColdMs > 0 {
		cold = fmt.Sprintf(", of which cold start %s", seconds(a.ColdMs))
	}
	fmt.Fprintf(table, "    %s\t%s\t%s%s\t%s\t%s\n", to, wait, seconds(a.TookMs), cold, code(a), a.Why)
}

func code(a harness.ExplainedAttempt) string {
	if a.Status == 0 {
		return shorten(a.Error, 80)
	}
	return fmt.Sprint(a.Status)
}

func seconds(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}
