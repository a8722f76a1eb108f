package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"somssi/local/template"
)

// Write writes the triggers for a person to read, a block each.
func Write(w io.Writer, all []Trigger) {
	for _, t := range all {
		fmt.Fprintf(w, "%s/%s  %s\n", t.Function, t.Name, kinds[t.Kind])
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, line := range t.lines() {
			fmt.Fprintf(table, "  %s\t%s\n", line[0], line[1])
		}
		_ = table.Flush()
		fmt.Fprintln(w)
	}
}

var kinds = map[string]string{
	"http": "http, requests to the gateway", "kafka": "kafka, a KafkaSource",
	"broker": "broker, a Trigger of a Kafka-class Broker", "cron": "cron, a PingSource",
}

// lines are the rows of a block: what, and what of it.
func (t Trigger) lines() [][2]string {
	switch t.Kind {
	case "http":
		return [][2]string{{"path", t.HTTP.Path + " and below, " + methods(t.HTTP.Methods)}, {"tries", "once: the answer is the caller's, who may try again"}}
	case "cron":
		return [][2]string{{"fires", fmt.Sprintf("%s in %s", t.Cron.Schedule, t.Cron.Timezone)},
			{"tries", "once: without delivery policy or dead letter, what is not taken waits for the next time"}}
	}
	all := [][2]string{{"reads", t.reads()}}
	if t.Kind == "broker" {
		all = append(all, [2]string{"filter", t.filter()})
	}
	all = append(all,
		[2]string{"order", map[string]string{
			"ordered":   "ordered: the next record of a partition waits until the one before has ended",
			"unordered": "unordered: records are sent side by side",
		}[t.Ordering]},
		[2]string{"in flight", t.atOnce()},
		[2]string{"tries", t.Delivery.timeline()},
		[2]string{"each try", fmt.Sprintf("at most %s", t.Delivery.Timeout)},
		[2]string{"again", t.Delivery.again()},
		[2]string{"ends", t.Delivery.ends()},
		[2]string{"holds", t.holds()},
		[2]string{"events", "get the extensions knativekafkapartition and knativekafkaoffset"},
	)
	if t.Kind == "broker" {
		return append(all, [2]string{"plain", "a record that is no CloudEvent is discarded"},
			[2]string{"replies", fmt.Sprintf("an event in the answer is written to %s; any other answer that is not empty counts as failed", t.Topics[0].Name)})
	}
	return append(all, [2]string{"plain", "a record that is no CloudEvent is wrapped as dev.knative.kafka.event"},
		[2]string{"replies", "are not looked at"})
}

func methods(all []string) string {
	if len(all) == 0 {
		return "all methods"
	}
	return strings.Join(all, ", ")
}

func (t Trigger) reads() string {
	var topics []string
	for _, topic := range t.Topics {
		topics = append(topics, fmt.Sprintf("%s (%s)", topic.Name, count(topic.Partitions, "partition")))
	}
	start := "a new group begins at the " + map[string]string{"earliest": "earliest record", "latest": "latest record: what was written before is not seen"}[t.From]
	return fmt.Sprintf("%s as group %s; %s", strings.Join(topics, ", "), t.Group, start)
}

func (t Trigger) filter() string {
	var says any = t.Filters
	switch {
	case len(t.Filters) == 0 && len(t.Attributes) == 0:
		return "none: every event passes"
	case len(t.Filters) == 0:
		says = map[string]any{"attributes": t.Attributes}
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(says)
	return strings.TrimSpace(b.String())
}

func (t Trigger) atOnce() string {
	source := "the most an unordered source sends"
	if t.Ordering == "ordered" {
		source = "one for each partition"
	}
	switch in := t.InFlight; {
	case in.Scale == 0:
		return fmt.Sprintf("up to %d at once, %s; the function sets no bound", in.Most, source)
	case in.Scale < in.Source:
		return fmt.Sprintf("up to %d at once, by the function's scale; the source would send up to %d", in.Most, in.Source)
	default:
		return fmt.Sprintf("up to %d at once, %s; the function's scale allows %d", in.Most, source, in.Scale)
	}
}

// timeline tells when an event is tried, the middle of a long one left out.
func (d *Delivery) timeline() string {
	if d.Retry == 0 {
		return "once, without a retry"
	}
	const head, tail = 6, 3
	var at []string
	for i, t := range d.Delivery.Tries() {
		switch {
		case d.Tries <= head+tail+1 || i < head || i >= d.Tries-tail:
			at = append(at, seconds(t))
		case i == head:
			at = append(at, "…")
		}
	}
	return fmt.Sprintf("%d, %s by %s: at %s s where each fails at once", d.Tries, d.BackoffPolicy, d.BackoffDelay, strings.Join(at, ", "))
}

func (d *Delivery) again() string {
	if d.Retry == 0 {
		return "never, whatever the answer"
	}
	return "on no answer, 404, 408, 409, 429, 5xx; any other status from 300 on ends the tries at once"
}

func (d *Delivery) ends() string {
	if d.DeadLetter.Function == "" {
		return "lost: there is no dead letter function"
	}
	return fmt.Sprintf("at %s with knativeerrordest, knativeerrorcode and knativeerrordata; lost if that fails as often", d.DeadLetter.Function)
}

func (t Trigger) holds() string {
	what := fmt.Sprintf("one of %d places", t.InFlight.Source)
	if t.Ordering == "ordered" {
		what = "its partition"
	}
	d := t.Delivery
	s := fmt.Sprintf("%s for %s of waits while it fails, %s where each try takes its %s", what, long(d.Waits()), long(d.Longest()), d.Timeout)
	if d.Retry == 0 {
		s = fmt.Sprintf("%s for up to %s", what, long(d.Longest()))
	}
	if d.DeadLetter.Function != "" {
		s += fmt.Sprintf(", %s where %s hangs too", long(2*d.Longest()), d.DeadLetter.Function)
	}
	return s
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// seconds writes a time to the tenth that Knative keeps.
func seconds(d time.Duration) string {
	if d == template.Forever {
		return "∞"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0")
}

func long(d time.Duration) string {
	if d == template.Forever || d < 0 {
		return "centuries"
	}
	return template.Duration(d).String()
}
