package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/spf13/cobra"

	"somssi/local/harness"
	"somssi/local/source"
	"somssi/shared"
)

func (c *cli) invoke() *cobra.Command {
	var expect, key string
	cmd := &cobra.Command{
		Use:   "invoke <function> [file]",
		Short: "Send one event to one function, past Kafka, and show its answer",
		Long: `Send one event to one function of the running harness, once, past Kafka and past
filters: the file, or standard input where there is none or it is -. A CloudEvent
in JSON goes in binary mode, as the function's source would send it; anything
else is wrapped as that source wraps a plain message.

Shows the answer, and what Knative would do with it: done, again or dead letter. What
a Trigger would discard is not sent.
Exit code 1: it was not what --expect says.`,
		Example: `  go run ./local invoke update-stats functions/update-stats/testdata/guitar-registered.json
  go run ./local gen somssi.talent.closed.v1 | go run ./local invoke evict-cache -
  echo '{"type":"new_talent","talent_id":0}' | go run ./local invoke adopt-talent --expect "dead letter"`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: c.completed(functionsOf),
		RunE: func(cmd *cobra.Command, args []string) error {
			if fates := []string{source.Done, source.Again, source.DeadLetter, source.Discarded}; !slices.Contains(fates, expect) {
				return inputError{fmt.Errorf("--expect %s: it is one of %s", expect, strings.Join(fates, ", "))}
			}
			run, err := c.running()
			if err != nil {
				return err
			}
			text, err := input(cmd.InOrStdin(), args[1:])
			if err != nil {
				return inputError{err}
			}
			var answer harness.Invoked
			err = c.slow(func() (err error) {
				answer, err = invoke(cmd.Context(), run, args[0], key, text)
				return err
			}, "waiting for %s", args[0])
			if err != nil {
				return err
			}
			if err := c.print(answer, func(w io.Writer) { tellAnswer(w, answer) }); err != nil {
				return err
			}
			if answer.Fate != expect {
				return fmt.Errorf("%s: %s, not %s", args[0], answer.Fate, expect)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&expect, "expect", source.Done, `the fate that is wanted: done, again, "dead letter" or discarded`)
	cmd.Flags().StringVar(&key, "key", "", "of a plain message, the key of its record")
	_ = cmd.RegisterFlagCompletionFunc("expect", cobra.FixedCompletions([]string{source.Done, source.Again, source.DeadLetter, source.Discarded}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// invoke sends text to a function by way of the running harness.
func invoke(ctx context.Context, run harness.Run, function, key string, text []byte) (answer harness.Invoked, err error) {
	header := http.Header{}
	if isEvent(text) {
		header.Set("Content-Type", event.ApplicationCloudEventsJSON)
	} else {
		text = bytes.TrimRight(text, "\n")
	}
	path := "/dev/invoke/" + url.PathEscape(function) + "?key=" + url.QueryEscape(key)
	return answer, post(ctx, run, path, header, text, &answer)
}

// post asks the running harness to do something, and reads what it answers into
// v. That there is no such thing to do it to is a mistake of the caller.
func post(ctx context.Context, run harness.Run, path string, header http.Header, body []byte, v any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, run.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header = header
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return harness.ErrNotRunning
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusOK {
		return json.NewDecoder(response.Body).Decode(v)
	}
	var problem shared.Problem
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil || problem.Detail == "" {
		problem.Detail = response.Status
	}
	if response.StatusCode < http.StatusInternalServerError {
		return inputError{&problem}
	}
	return &problem
}

func tellAnswer(w io.Writer, a harness.Invoked) {
	what := fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status))
	if a.Status == 0 {
		what = "nothing: " + a.Error
	}
	fmt.Fprintf(w, "%s answered %s in %d ms: %s\n", a.Function, strings.TrimSpace(what), a.TookMs, a.Fate)
	for _, line := range bodyLines(a) {
		fmt.Fprintln(w, "  "+line)
	}
	if a.Fate != source.Done {
		fmt.Fprintln(w, a.Next)
	}
	wrapped := map[bool]string{true: ", wrapped"}[a.Wrapped]
	fmt.Fprintf(w, "the event: %s of type %s%s\n", a.Event, a.Type, wrapped)
}

// bodyLines is an answer's body for people: of a problem what it says.
func bodyLines(a harness.Invoked) (lines []string) {
	var problem shared.Problem
	if strings.HasPrefix(a.Media, "application/problem+json") && json.Unmarshal([]byte(a.Body), &problem) == nil {
		lines = []string{printable(problem.Detail)}
		for _, f := range problem.Errors {
			lines = append(lines, "  "+printable(f.Field+" "+f.Reason))
		}
		return lines
	}
	if body := strings.TrimSpace(a.Body); body != "" {
		for line := range strings.SplitSeq(body, "\n") {
			lines = append(lines, printable(line))
		}
	}
	return lines
}

// printable is text that does nothing to a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}
