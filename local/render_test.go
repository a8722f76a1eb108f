package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRender_says_what_is_not_up_to_date(t *testing.T) {
	dir := t.TempDir()
	if code, out, said := local(t, "..", "render", "--check"); code != 0 {
		t.Errorf("infra/knative: exit code %d, answer %q, said %q", code, out, said)
	}
	code, out, said := local(t, ".", "render", "--out", dir, "--check")
	if code != failed || !strings.Contains(out, "base/relay-outbox.yaml is missing\n") || !strings.Contains(said, "not up to date: run go run ./local render") {
		t.Errorf("exit code %d, answer %q, said %q", code, out, said)
	}
	if code, _, said := local(t, ".", "render", "--out", dir); code != 0 {
		t.Fatalf("exit code %d, said %q", code, said)
	}
	file, gone, own := filepath.Join(dir, "base", "network.yaml"), filepath.Join(dir, "base", "old-function.yaml"), filepath.Join(dir, "overlays", "own.yaml")
	for name, text := range map[string]string{file: read(t, file) + "more\n", gone: "# rendered by go run ./local render\n", own: "# a person's\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, _ = local(t, ".", "render", "--out", dir, "--check", "-o", "json")
	var answer renderedAnswer
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != failed || len(answer.Changed) != 2 ||
		!strings.HasPrefix(answer.Changed[0], "base/network.yaml differs in line ") || answer.Changed[1] != "base/old-function.yaml is rendered no more" {
		t.Errorf("exit code %d, answer %+v (%v)", code, answer, err)
	}
	if code, _, said := local(t, ".", "render", "--out", dir); code != 0 {
		t.Errorf("exit code %d, said %q", code, said)
	}
	if _, err := os.Stat(gone); err == nil {
		t.Error("what is rendered no more is still there")
	}
	if _, err := os.Stat(own); err != nil {
		t.Errorf("a person's file: %v", err)
	}
}

func TestRender_refuses(t *testing.T) {
	code, _, said := local(t, "..", "render", "--check", "--env", "prd")
	if code != wrong || !strings.Contains(said, `there is no environment "prd"`) || !strings.Contains(said, `did you mean "prod"?`) {
		t.Errorf("exit code %d, said %q", code, said)
	}
}

func TestRender_takes_the_images_that_were_built(t *testing.T) {
	file := filepath.Join(t.TempDir(), "images.json")
	if err := os.WriteFile(file, []byte(`{"version": "1.4.0", "images": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for flags, want := range map[string]string{
		"--images " + file:                    "the images of version 1.4.0 have none of adopt-talent",
		"--images " + file + " --version 1.5": "--version 1.5, and the images in " + file + " are of version 1.4.0",
		"--images " + file + "-none":          "make images writes it",
	} {
		if code, _, said := local(t, ".", append([]string{"render", "--check"}, strings.Fields(flags)...)...); code != wrong || !strings.Contains(said, want) {
			t.Errorf("%s: exit code %d, said %q, want %q", flags, code, said, want)
		}
	}
}

func TestDiff(t *testing.T) {
	dir := t.TempDir()
	if code, _, said := local(t, "..", "render", "--out", dir); code != 0 {
		t.Fatalf("exit code %d, said %q", code, said)
	}
	if code, out, said := local(t, ".", "diff", dir); code != 0 || out != "nothing changes against "+dir+"\n" {
		t.Errorf("exit code %d, answer %q, said %q", code, out, said)
	}
	for _, function := range []string{"evict-cache", "notify-interested"} {
		file := filepath.Join(dir, "base", function+".yaml")
		if err := os.WriteFile(file, []byte(strings.Replace(read(t, file), "retry: 40", "retry: 0", 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, said := local(t, ".", "diff", dir)
	want := "evict-cache/talents, notify-interested/talents: retries 0 → 40: an outage is outlasted for 410 s, not 0 s; after that an event is a dead letter\n"
	if code != failed || out != want || !strings.Contains(said, "2 changes against "+dir) {
		t.Errorf("exit code %d, answer\n%swant\n%ssaid %q", code, out, want, said)
	}
	code, out, _ = local(t, ".", "diff", dir, "-o", "json")
	var answer changesAnswer
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != failed || len(answer.Changes) != 2 || answer.Environment != "prod" {
		t.Errorf("exit code %d, answer %+v (%v)", code, answer, err)
	}
	for _, tc := range []struct {
		args, said string
		code       int
	}{
		{"diff --cluster " + dir, "two things to compare with", wrong},
		{"diff " + filepath.Join(dir, "none"), "no such file", failed},
	} {
		if code, _, said := local(t, ".", strings.Fields(tc.args)...); code != tc.code || !strings.Contains(said, tc.said) {
			t.Errorf("%s: exit code %d, said %q", tc.args, code, said)
		}
	}
}
