package harness

import (
	"os"
	"strings"
	"testing"
	"time"
)

// Spans are kept in two files, however often the harness starts, the oldest thrown away.
func TestSpans_are_bounded(t *testing.T) {
	folder, large := t.TempDir(), strings.Repeat("x", spansKept/2+1)
	for _, trace := range []string{"a", "b", "c", "d", "e"} {
		s := &spans{folder: folder} // as after a start
		if err := s.keep([]Span{{Trace: trace, Name: large}}); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 {
		t.Errorf("%v, %v", files, err)
	}
	s := &spans{folder: folder}
	for trace, want := range map[string]int{"a": 0, "b": 0, "c": 1, "d": 1, "e": 1} {
		if found, err := s.find(trace); err != nil || len(found) != want {
			t.Errorf("%d spans of the trace %s (%v), want %d", len(found), trace, err, want)
		}
	}
}

func TestSpans_by_event_past_broken_lines(t *testing.T) {
	s := &spans{folder: t.TempDir()}
	if found, err := s.find("t1"); err != nil || len(found) != 0 {
		t.Errorf("before the first span: %v, %v", found, err)
	}
	at := time.Date(2026, 11, 25, 9, 0, 7, 0, time.UTC)
	if err := s.keep([]Span{{Trace: "t1", ID: "2", At: at.Add(1), Event: "0198c3f2-7b1e"}, {Trace: "t2", ID: "3", At: at, Event: "0198c3f2-7b1f"}}); err != nil {
		t.Fatal(err)
	}
	_, now := s.files()
	file, err := os.OpenFile(now, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("\xff\x00\n[]\nnull\n" + `{"trace":"t1","id":"cut`); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.keep([]Span{{Trace: "t1", ID: "1", At: at}}); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"t1": "12", "0198c3f2-7b1e": "12", "0198c3f2-7b1f": "3", "0198": "132", "0199": "", "t": ""} {
		found, err := s.find(id)
		got := ""
		for _, one := range found {
			got += one.ID
		}
		if err != nil || got != want {
			t.Errorf("%s: the spans %q (%v), want %q", id, got, err, want)
		}
	}
}
