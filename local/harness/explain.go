package harness

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"somssi/local/source"
)

// Explained is a delivery with the words to it.
type Explained struct {
	Delivery
	Attempts []ExplainedAttempt `json:"attempts"`
	Verdict  string             `json:"verdict"` // the fate, and why
	Commit   string             `json:"commit"`  // whether its offset is committed, and what holds it
	Caused   []Caused           `json:"caused"`  // the events that came of it
}

// InFlight is an event on its way with the words to it.
type InFlight struct {
	Flight
	Attempts []ExplainedAttempt `json:"attempts"`
	Verdict  string             `json:"verdict"`
}

// ExplainedAttempt is an attempt with its number, from 1, at its destination,
// and what followed from it by Knative's rules.
type ExplainedAttempt struct {
	Attempt
	N   int    `json:"n"`
	Why string `json:"why"`
}

// explainAttempts says of each attempt why another one followed, or none. of is
// nil where the trigger is gone, and with it its policy.
func explainAttempts(of *trigger, made []Attempt, ended bool) []ExplainedAttempt {
	all, n := make([]ExplainedAttempt, len(made)), 0
	for i, a := range made {
		if i == 0 || a.Dead != made[i-1].Dead {
			n = 0
		}
		if i == 0 || !made[i-1].Broke {
			n++
		}
		n = max(n, 1)
		followed := i+1 < len(made) && made[i+1].Dead == a.Dead || i+1 == len(made) && !ended
		all[i] = ExplainedAttempt{a, n, whyAgain(of, a, n, followed)}
	}
	return all
}

func whyAgain(of *trigger, a Attempt, n int, followed bool) string {
	what := cmp.Or(a.Error, fmt.Sprint(a.Status))
	if a.Status == 0 {
		what = "no answer"
	}
	switch {
	case a.Error == "" && a.Status < 300:
		return "accepted"
	case a.Broke:
		return "held by the break: the same attempt is made again when it is let through"
	case a.Again && followed:
		return what + " is tried again"
	case a.Again && of != nil:
		return fmt.Sprintf("%s is tried again, but the retries are used up: %d of %d", what, n-1, of.config.Delivery.Retry)
	case a.Again:
		return what + " is tried again, but the retries were used up"
	case a.Dead:
		return what + " is not tried again"
	case of != nil && of.config.DeadLetterSink == "":
		return what + " is not tried again: it would go to the dead letter sink, and there is none"
	}
	return what + " is not tried again: straight to the dead letter sink"
}

// verdict is the fate in plain words.
func verdict(d *Delivery) string {
	text := d.Fate
	dead := slices.IndexFunc(d.Attempts, func(a Attempt) bool { return a.Dead })
	switch {
	case d.Fate == source.Done && d.Reply != nil:
		text = fmt.Sprintf("done, and answered with %s %s, which was published", d.Reply.Type, d.Reply.ID)
	case d.Redrive && d.Fate == source.DeadLetter:
		text = "a dead letter still"
	case d.Fate == source.DeadLetter:
		text = "a dead letter, kept by " + host(d.Attempts[dead].To)
	case d.Fate == source.Lost && dead < 0:
		text = "LOST: it was not taken, and there is no dead letter sink"
	case d.Fate == source.Lost:
		text = "LOST: the dead letter sink " + host(d.Attempts[dead].To) + " did not take it either"
	case d.Fate == source.Filtered:
		text = "filtered: " + d.Clause
	case d.Fate == source.Discarded:
		text = "discarded: the record is no CloudEvent, and a Trigger takes nothing else"
	}
	switch {
	case d.Redrive:
		text += " (a redrive)"
	case d.Replay:
		text += " (a replay)"
	}
	return text
}

// host is the function of a URL, or its host.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	name, _, _ := strings.Cut(u.Host, ".")
	return name
}

// standing is where an event in flight is.
func standing(of *trigger, f Flight) string {
	next := nextAttempt(of, f.Attempts)
	switch last := len(f.Attempts) - 1; {
	case f.State == source.Waiting:
		return fmt.Sprintf("waits until %s for %s", f.Until.Local().Format("15:04:05.0"), next)
	case f.State == source.Held && last >= 0 && f.Attempts[last].Broke:
		return "held by the break since its last attempt failed: mend the function, then step or resume"
	case f.State == source.Held:
		return fmt.Sprintf("held by the pause before %s: step or resume", next)
	}
	return fmt.Sprintf("%s is under way, for %s", next, time.Since(f.Since).Round(time.Millisecond))
}

// nextAttempt names the one that follows those that were made.
func nextAttempt(of *trigger, made []Attempt) string {
	explained := explainAttempts(of, made, false)
	if len(made) == 0 {
		return "attempt 1"
	}
	last := explained[len(made)-1]
	n, dead := last.N+1, last.Dead
	switch {
	case last.Broke:
		n = last.N
	case !dead && (!last.Again || of != nil && last.N > of.config.Delivery.Retry):
		n, dead = 1, true
	}
	if dead {
		return fmt.Sprintf("attempt %d at the dead letter sink", n)
	}
	return fmt.Sprintf("attempt %d", n)
}

// commit is whether the group has told Kafka that the record is done with.
func commit(of *trigger, d *Delivery, now Source) string {
	p := now.partition(d.Topic, d.Partition)
	switch {
	case d.Redrive:
		return "a redrive moves no commit"
	case d.Replay:
		return "a replay moves no commit"
	case p == nil:
		return "not known: the source has no such partition now"
	case p.Committed > d.Offset:
		return fmt.Sprintf("offset %d is committed: group %s stands at %d", d.Offset, now.Group, p.Committed)
	case p.Position > d.Offset:
		return fmt.Sprintf("offset %d goes with the next commit, within 5 s", d.Offset)
	}
	return fmt.Sprintf("offset %d is not committed: %s", d.Offset, now.holder(of, p))
}
