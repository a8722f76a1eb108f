package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"somssi/local/harness"
)

func listEvents(w io.Writer, all []harness.Delivery) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no such event yet: register a talent on the page, or see go run ./local send --help")
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME\tFUNCTION\tFATE\tTRIES\tMS\tTYPE\tEVENT\tWHERE\tWHY")
	for _, d := range all {
		fmt.Fprintln(table, strings.Join(columns(d), "\t"))
	}
	_ = table.Flush()
}

func columns(d harness.Delivery) []string {
	var ms int64
	for _, a := range d.Attempts {
		ms += a.WaitMs + a.TookMs
	}
	fate := d.Fate
	switch {
	case d.Redrive:
		fate += " (redrive)"
	case d.Replay:
		fate += " (replay)"
	}
	return []string{
		d.At.Local().Format("15:04:05.000"), d.Function, fate, fmt.Sprint(len(d.Attempts)), fmt.Sprint(ms), orDash(d.Type), orDash(d.Event),
		fmt.Sprintf("%s/%d@%d", d.Topic, d.Partition, d.Offset), shorten(reason(d), 80),
	}
}

func orDash(text string) string {
	if text == "" {
		return "-" // columns are also read by cut and awk
	}
	return text
}

// reason is why a delivery was not simply done: the clause of its filter, or the
// last failing answer of the function.
func reason(d harness.Delivery) (why string) {
	if d.Fate == "discarded" {
		return "no CloudEvent"
	}
	why = d.Clause
	for _, a := range d.Attempts {
		switch {
		case a.Dead && d.Fate == "dead letter":
		case a.Error != "":
			why = a.Error
		case a.Status >= 300:
			why = strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, said(a.Answer)))
		}
	}
	return why
}

// said is what an answer says: the detail of a problem (RFC 9457), or its first line.
func said(answer string) string {
	var problem struct{ Detail string }
	if json.Unmarshal([]byte(answer), &problem) == nil && problem.Detail != "" {
		return problem.Detail
	}
	line, _, _ := strings.Cut(strings.TrimSpace(answer), "\n")
	return line
}

// shorten keeps text on one line of a terminal, and its control characters from it.
func shorten(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text))
	if len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return string(runes)
}
