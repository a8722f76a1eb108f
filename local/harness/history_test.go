package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func opened(t *testing.T, dir string) *History {
	t.Helper()
	h, err := OpenHistory(dir, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func closed(t *testing.T, h *History) {
	t.Helper()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestHistory_keeps_the_last_and_gives_what_is_after(t *testing.T) {
	h := &History{}
	for range remembered + 5 {
		h.add(Delivery{Attempts: []Attempt{{Status: 204}}})
	}
	all := h.After(0)
	if len(all) != remembered || all[0].Number != 6 || all[len(all)-1].Number != remembered+5 {
		t.Errorf("%d from %d, want %d from 6", len(all), all[0].Number, remembered)
	}
	if few := h.After(remembered + 3); len(few) != 2 || few[0].Number != remembered+4 || few[0].Attempts[0].Status != 204 {
		t.Errorf("after %d: %+v", remembered+3, few)
	}
	if none := h.After(remembered + 5); none == nil || len(none) != 0 {
		t.Errorf("after the last: %+v, want an empty list", none)
	}
}

func TestHistory_is_there_again_after_a_restart(t *testing.T) {
	dir := t.TempDir()
	h := opened(t, dir)
	h.add(Delivery{Event: "a", Reply: &Reply{ID: "r"}, Attempts: []Attempt{{Answer: "<b>"}}})
	h.add(Delivery{Event: "b"})
	closed(t, h)
	h = opened(t, dir)
	h.add(Delivery{Event: "c"})
	closed(t, h)
	h = opened(t, dir)
	defer closed(t, h)
	var got []string
	for _, d := range h.After(0) {
		got = append(got, fmt.Sprint(d.Number, d.Event))
	}
	if text := strings.Join(got, " "); text != "1a 2b 3c" {
		t.Errorf("%s, want 1a 2b 3c", text)
	}
	if found, err := h.Find("b", func(d *Delivery) bool { return d.Event == "b" }); err != nil || len(found) != 1 {
		t.Errorf("%+v found (%v), want what is in memory and on disk once", found, err)
	}
	if first := h.After(0)[0]; first.Reply == nil || first.Reply.ID != "r" || first.Attempts[0].Answer != "<b>" {
		t.Errorf("%+v has not what it had", first)
	}
}

func TestHistory_is_written_while_it_runs(t *testing.T) {
	dir := t.TempDir()
	h := opened(t, dir)
	defer closed(t, h)
	h.add(Delivery{Event: "a"})
	for limit := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob(filepath.Join(dir, "*"))
		if len(files) == 1 {
			if text, err := os.ReadFile(files[0]); err == nil && strings.HasSuffix(string(text), "}\n") {
				return
			}
		}
		if time.Now().After(limit) {
			t.Fatalf("nothing in %v", files)
		}
	}
}

func TestHistory_survives_a_line_that_a_kill_tore(t *testing.T) {
	dir := t.TempDir()
	h := opened(t, dir)
	h.add(Delivery{Event: "whole"})
	closed(t, h)
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	torn, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	torn.WriteString(`{"number":2,"event":"to`)
	torn.Close()
	h = opened(t, dir)
	h.add(Delivery{Event: "next"})
	closed(t, h)
	h = opened(t, dir)
	defer closed(t, h)
	if got := h.After(0); len(got) != 2 || got[0].Event != "whole" || got[1].Event != "next" || got[1].Number != 2 {
		t.Errorf("%+v, want the whole one and the next", got)
	}
}

func TestHistory_on_disk_is_bounded_and_searched(t *testing.T) {
	dir := t.TempDir()
	h := opened(t, dir)
	filler := strings.Repeat("x", 1<<20)
	for i := range 70 {
		h.add(Delivery{Event: fmt.Sprintf("event %d;", i), Clause: filler})
		if err := h.flush(); err != nil {
			t.Fatal(err)
		}
	}
	var total int64
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if total > historyBytes || total < historyBytes/2 {
		t.Errorf("%d bytes in %d files, want at most %d and not much less", total, len(files), historyBytes)
	}
	closed(t, h)
	h = opened(t, dir)
	defer closed(t, h)
	for i := range remembered { // push what was on disk out of memory
		h.add(Delivery{Event: fmt.Sprintf("small %d", i)})
	}
	found, err := h.Find("event 69;", func(d *Delivery) bool { return d.Event == "event 69;" })
	if err != nil || len(found) != 1 || found[0].Number != 70 {
		t.Errorf("%d found (%v), want number 70", len(found), err)
	}
	if found, err = h.Find("event 1;", func(*Delivery) bool { return true }); err != nil || len(found) != remembered {
		t.Errorf("%d found (%v): the oldest are to be gone", len(found), err)
	}
}

func TestHistory_goes_on_in_memory_without_a_disk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	h := opened(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	h.add(Delivery{Event: "a"})
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	h.flushOr(say)
	h.flushOr(say)
	if len(said) != 1 || len(h.After(0)) != 1 {
		t.Errorf("said %q, has %d", said, len(h.After(0)))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	closed(t, h)
	h = opened(t, dir)
	defer closed(t, h)
	if got := h.After(0); len(got) != 1 || got[0].Event != "a" {
		t.Errorf("%+v after the disk was back", got)
	}
}
