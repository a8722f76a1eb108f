package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

var writeTranscript = flag.Bool("write", false, "write the transcript into local/README.md instead of comparing it")

// TestTranscript finds a poison event, understands it, mends its function while
// everything runs, and sends the event again. README.md has to show just that:
//
//	go test ./local -run TestTranscript -write
func TestTranscript(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a house of its own")
	}
	s := beginTranscript(t)
	s.note("Another producer writes a category that adopt-talent does not take.")
	s.do(`echo '{"type":"new_talent","talent_id":9001,"title":"기타 레슨","category":"Music"}' | go run ./local send new_talent_events --key shop-3`)
	s.until("dead letter", "is committed")
	s.do(`go run ./local events --fate "dead letter"`)
	s.do(`go run ./local why partition:3/offset:0 --function adopt-talent`)
	s.note("Take a category in any case, and save. up --watch is running in another window.")
	s.do(`git apply <<'MEND'
--- a/functions/adopt-talent/plain.go
+++ b/functions/adopt-talent/plain.go
@@ -3,6 +3,7 @@
 import (
 	"errors"
 	"strconv"
+	"strings"
 	"time"
 
 	"github.com/cloudevents/sdk-go/v2/event"
@@ -38,6 +39,7 @@
 	if err := shared.Decode(in, &m); err != nil {
 		return nil, err
 	}
+	m.Category = strings.ToLower(m.Category)
 	id, ok := parseID(m.ID)
 	title, err := shared.Clean(m.Title, 120)
 	switch {
MEND`)
	s.watched("takes over")
	s.do(`go run ./local dlq redrive --all`)
	s.until("somssi.talent.registered.v1", "adopt-talent done, evict-cache done, notify-interested done, update-stats done")
	s.do(`go run ./local why partition:3/offset:0 --function adopt-talent`)
	s.do(`go run ./local dlq ls`)
	s.compare()
}

// transcript is a session at a terminal.
type transcript struct {
	*testing.T
	root, here string // of the copy, and of this package
	text       strings.Builder

	mu   sync.Mutex
	said strings.Builder // by up --watch
	told int             // how much of that the transcript has
}

// beginTranscript starts a house under up --watch in a copy of the repository,
// with the functions that have to do with events alone.
func beginTranscript(t *testing.T) *transcript {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	s := &transcript{T: t, root: t.TempDir(), here: here}
	shell(t, here, "cd .. && git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C '"+s.root+"'")
	file := filepath.Join(s.root, "template.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile(`(?m)^  [a-z-]+:\n(?:    .*\n)+`)
	small := block.ReplaceAllStringFunc(string(text), func(one string) string {
		if strings.Contains(one, "http: {") || strings.Contains(one, "cron: {") {
			return ""
		}
		return one
	})
	if err := os.WriteFile(file, []byte(small), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(t, filepath.Join(s.root, ".somssi"))
	o.Root, o.Watch, o.Say = s.root, true, s.say
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *transcript) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.said, format+"\n", args...)
}

func (s *transcript) note(text string) { fmt.Fprintf(&s.text, "# %s\n", text) }

// do runs a command line as it stands, but for `go run ./local`, which is this
// very program, and notes it with what it prints.
func (s *transcript) do(line string) {
	s.Helper()
	fmt.Fprintf(&s.text, "$ %s\n", line)
	out, err := s.output(line)
	if err != nil {
		s.Fatalf("%s: %v\n%s", line, err, out)
	}
	s.text.WriteString(out + "\n")
}

func (s *transcript) output(line string) (string, error) {
	s.Helper()
	self, err := os.Executable()
	if err != nil {
		s.Fatal(err)
	}
	command := exec.CommandContext(s.Context(), "bash", "-c", `go() { shift 2; "$SELF" "$@"; }`+"\n"+line)
	command.Dir = s.root
	command.Env = append(os.Environ(), "SELF="+self, asCommand+"=1", "TZ=UTC")
	out, err := command.CombinedOutput()
	return string(out), err
}

// until waits until why has all of these words.
func (s *transcript) until(words ...string) {
	s.Helper()
	eventtest.Eventually(s.T, "", func() string {
		got, _ := s.output("go run ./local why partition:3/offset:0 --function adopt-talent") // fails until it is there
		if slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(got, word) }) {
			return got
		}
		return ""
	})
}

// watched waits until up --watch says a word, and notes what it said since the
// last one.
func (s *transcript) watched(word string) {
	s.Helper()
	heard := func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.said.String()
	}
	eventtest.Eventually(s.T, "", func() string {
		if got := heard(); !strings.Contains(got[s.told:], word) {
			return got[s.told:]
		}
		return ""
	})
	for line := range strings.SplitSeq(strings.TrimSpace(heard()[s.told:]), "\n") {
		if strings.Contains(line, word) {
			s.note("It says there: " + line)
		}
	}
	s.text.WriteString("\n")
	s.told = len(heard())
}

// alike are what differs from one session to the next.
var alike = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`), "09:30:01.250"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`), "019c52f1-7c1e-7d3a-9f60-2b8f4e1d6a57"},
	{regexp.MustCompile(`\b[0-9a-f]{8}  adopt`), "c5ca440b  adopt"},
	{regexp.MustCompile(`(?m)^    attempt 1 +[0-9.]+ m?s +422`), "    attempt 1                      1 ms  422"},
	{regexp.MustCompile(`(?m)^    dead letter sink, attempt 1 +[0-9.]+ m?s +204`), "    dead letter sink, attempt 1    6 ms  204"},
	{regexp.MustCompile(`(?m)^    attempt 1 +[0-9.]+ m?s +204`), "    attempt 1    2 ms  204"},
	{regexp.MustCompile(`204 in [0-9.]+ m?s`), "204 in 2 ms"},
	{regexp.MustCompile(`rebuilt in [0-9.]+m?s`), "rebuilt in 1.95s"},
	{regexp.MustCompile(`TRIES  MS +TYPE`), "TRIES  MS  TYPE"},
	{regexp.MustCompile(`dead letter +2 +\d+ +dev`), "dead letter  2      7   dev"},
	{regexp.MustCompile(`[ \t]+\n`), "\n"},
}

// compare holds the transcript against README.md, or writes it there.
func (s *transcript) compare() {
	s.Helper()
	text := s.text.String()
	for _, one := range alike {
		text = one.what.ReplaceAllString(text, one.as)
	}
	const begin, end = "<!-- transcript -->\n```console\n", "```\n<!-- end -->"
	file := filepath.Join(s.here, "README.md")
	readme, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), begin)
	shown, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		s.Fatalf("README.md has no place between %q and %q", begin, end)
	}
	want := strings.TrimSpace(text) + "\n"
	switch {
	case shown == want:
	case *writeTranscript:
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			s.Fatal(err)
		}
	default:
		s.Errorf("README.md shows another session:\n%s\nwrite this one with: go test ./local -run TestTranscript -write", differing(shown, want))
	}
}

// differing is the lines of two texts that are not alike, place by place.
func differing(shown, was string) string {
	a, b := strings.Split(shown, "\n"), strings.Split(was, "\n")
	var out strings.Builder
	for i := range max(len(a), len(b)) {
		var left, right string
		if i < len(a) {
			left = a[i]
		}
		if i < len(b) {
			right = b[i]
		}
		if left != right {
			fmt.Fprintf(&out, "%4d shown: %s\n      was: %s\n", i+1, left, right)
		}
	}
	return out.String()
}
