package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/local/source"
	"somssi/local/template"
)

// shown is all that is known of one dead letter.
type shown struct {
	dlq.Letter
	Short  string `json:"short"`
	Answer string `json:"answer,omitempty"` // knativeerrordata, decoded
	// Topic is where its record was, "" where that is not known.
	Topic     string            `json:"topic,omitempty"`
	Partition string            `json:"partition,omitempty"`
	Offset    string            `json:"offset,omitempty"`
	Attempts  []harness.Attempt `json:"attempts,omitempty"` // as far as the harness remembers
}

func (c *cli) dlqShow() *cobra.Command {
	return &cobra.Command{
		Use:               "show <key>",
		Short:             "Show one dead letter with all that is known of it",
		Example:           "  go run ./local dlq show 1f0c22ab\n  go run ./local dlq show 1f0c22ab -o json",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: c.completedKeys,
		RunE: func(cmd *cobra.Command, args []string) error {
			run, db, err := c.letters()
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }()
			keys, err := dlq.AllKeys(cmd.Context(), db)
			if err != nil {
				return err
			}
			key, err := keys.Find(args[0])
			if err != nil {
				return inputError{err}
			}
			l, err := dlq.Read(cmd.Context(), db, key)
			if err != nil {
				return err
			}
			s := shown{Letter: l, Short: keys.Short(key), Answer: l.Answer(),
				Partition: l.Attributes["knativekafkapartition"], Offset: l.Attributes["knativekafkaoffset"]}
			if err := s.remember(run); err != nil {
				return err
			}
			if s.Topic == "" {
				s.Topic = c.topicOf(l)
			}
			return c.print(s, func(w io.Writer) { s.write(w) })
		},
	}
}

// remember adds what the harness's history has.
func (s *shown) remember(run harness.Run) error {
	// By its id it is found on disk too; by another, where a header could not
	// have that one, only among the last.
	for _, f := range []harness.Filter{{Fate: source.DeadLetter, Event: s.Event}, {Fate: source.DeadLetter}} {
		var history []harness.Delivery
		if err := harness.Get(run, "/dev/events?"+f.Query(), &history); err != nil {
			return err
		}
		for _, d := range history {
			if d.Function == s.Function && !d.Replay && fmt.Sprint(d.Partition) == s.Partition && fmt.Sprint(d.Offset) == s.Offset {
				s.Topic, s.Attempts = d.Topic, d.Attempts
			}
		}
		if s.Topic != "" {
			break
		}
	}
	return nil
}

// topicOf is the topic of a letter that nobody remembers: what a wrapped event
// says, or the only one that its function reads.
func (c *cli) topicOf(l dlq.Letter) string {
	if name, topic, ok := strings.Cut(l.Source, "#"); ok && strings.Contains(name, "/kafkasources/") {
		return topic
	}
	root, err := c.root()
	if err != nil {
		return ""
	}
	t, err := template.Load(filepath.Join(root, "template.yaml"), "local")
	if err != nil {
		return ""
	}
	var topics []string
	for _, trigger := range t.Functions[l.Function].Triggers {
		if trigger.Kafka != nil {
			topics = append(topics, trigger.Kafka.Topics...)
		}
	}
	slices.Sort(topics)
	if topics = slices.Compact(topics); len(topics) != 1 {
		return ""
	}
	return topics[0]
}

func (s *shown) write(w io.Writer) {
	fmt.Fprintf(w, "dead letter  %s\nfunction     %s (%s)\n", s.Key, cmp.Or(s.Function, "-"), printable(s.Dest))
	fmt.Fprintf(w, "died         %s, %s ago\n", s.Died.Local().Format(time.RFC3339), ago(s.Died))
	if s.Offset != "" {
		fmt.Fprintf(w, "from         %s/%s@%s\n", printable(cmp.Or(s.Topic, "?")), printable(s.Partition), printable(s.Offset))
	}
	if s.Redrives > 0 {
		fmt.Fprintf(w, "redriven     %d times in vain, last %s ago\n", s.Redrives, ago(s.Redriven))
	}
	code, _ := strconv.Atoi(s.Code)
	fmt.Fprintf(w, "\nanswer       %s\n", cmp.Or(strings.TrimSpace(s.Code+" "+http.StatusText(code)), "none"))
	if s.Reason != "" {
		fmt.Fprintf(w, "reason       %s\n", printable(s.Reason))
	}
	for i, a := range s.Attempts {
		what := cmp.Or(a.Error, strconv.Itoa(a.Status))
		fmt.Fprintf(w, "attempt %-3d  %s after %d ms, in %d ms: %s\n", i+1, a.To, a.WaitMs, a.TookMs, printable(what))
	}
	section(w, "answered", []byte(s.Answer))
	fmt.Fprintln(w, "\nattributes")
	for _, name := range slices.Sorted(maps.Keys(s.Attributes)) {
		fmt.Fprintf(w, "  %s: %s\n", printable(name), shorten(s.Attributes[name], 200))
	}
	section(w, "data", s.Data)
}

// section is bytes as people read them: JSON indented, text by its lines, and of
// anything else how much there is.
func section(w io.Writer, title string, data []byte) {
	fmt.Fprintf(w, "\n%s\n", title)
	var pretty bytes.Buffer
	switch {
	case len(data) == 0:
		fmt.Fprintln(w, "  nothing")
		return
	case json.Indent(&pretty, data, "", "  ") == nil:
		data = pretty.Bytes()
	case !utf8.Valid(data):
		fmt.Fprintf(w, "  %d bytes that are no text: %.60q\n", len(data), data)
		return
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		fmt.Fprintln(w, "  "+printable(line))
	}
}
