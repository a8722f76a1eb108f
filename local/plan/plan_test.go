package plan

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"somssi/local/template"
)

var update = flag.Bool("update", false, "rewrite what is in testdata; read the difference before keeping it")

// TestPlan reads back a template that has a trigger of each kind, as text and as JSON.
func TestPlan(t *testing.T) {
	shop, err := template.Load("testdata/shop.yaml", "")
	if err != nil {
		t.Fatal(err)
	}
	all := Of(shop)
	var text bytes.Buffer
	Write(&text, all)
	wantFile(t, "testdata/shop.txt", text.Bytes())
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	wantFile(t, "testdata/shop.json", append(b, '\n'))
}

func wantFile(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

// TestEndless has a schedule that no clock will see the end of.
func TestEndless(t *testing.T) {
	endless, err := template.Parse("t", []byte(`
version: 1
topics: {t: {}}
functions:
  keep-it: {}
  do-it: {triggers: {x: {kafka: {topics: [t], group: g, from: earliest, delivery: {retry: 30000, backoffDelay: 1d, deadLetter: {function: keep-it}}}}}}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	all := Of(endless)
	Write(&text, all)
	for _, want := range []string{"30001, exponential by 1d: at 0, 172800, 518400, 1209600, 2592000, 5356800, …, ∞, ∞, ∞ s", "for centuries of waits"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	if d := all[0].Delivery; len(d.TriesMs) != 100 || d.HeldWithDeadLetterMs < d.HeldMs {
		t.Errorf("%d tries are listed, held for %d, then %d", len(d.TriesMs), d.HeldMs, d.HeldWithDeadLetterMs)
	}
}
