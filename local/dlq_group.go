package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// letterGroup are the letters of one function that died of one reason.
type letterGroup struct {
	Function string    `json:"function"`
	Code     string    `json:"code"`
	Reason   string    `json:"reason"`
	Count    int       `json:"count"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
}

// grouped counts letters, the most frequent first.
func grouped(all []listed) []letterGroup {
	groups := []letterGroup{}
	at := map[[3]string]int{}
	for _, l := range all {
		key := [3]string{l.Function, l.Code, l.Reason}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, letterGroup{Function: l.Function, Code: l.Code, Reason: l.Reason, First: l.Died})
		}
		groups[i].Count++
		groups[i].Last = l.Died // the oldest came first
	}
	slices.SortStableFunc(groups, func(a, b letterGroup) int { return b.Count - a.Count })
	return groups
}

func writeGroups(w io.Writer, groups []letterGroup) {
	if len(groups) == 0 {
		fmt.Fprintln(w, "no dead letters")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COUNT\tFUNCTION\tCODE\tREASON\tFIRST\tLAST")
	for _, g := range groups {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", g.Count, cmp.Or(g.Function, "-"), cmp.Or(g.Code, "-"), cmp.Or(shorten(g.Reason, 80), "-"), ago(g.First), ago(g.Last))
	}
	_ = table.Flush()
}
