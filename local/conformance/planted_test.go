package conformance

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"somssi/local/overlay"
)

// fault is a change of the twin, in a copy of one of its files.
type fault struct {
	name  string
	file  string      // below local
	patch [][2]string // what is replaced by what; each is there just once
	found []string    // the cases that must fail
}

var faults = []fault{
	{"exponent_off_by_one", "source/attempt.go", [][2]string{{"factor = 1 << n\n", "factor = 1 << (n - 1)\n"}}, []string{"D12-S", "D12-T", "XD12-S", "D28", "XD28"}},
	{"no_Prefer", "source/request.go", [][2]string{{"	h[\"Prefer\"] = s.prefer\n", ""}}, []string{"W02-S", "W02-T", "R01"}},
	{"percent_encoded_header", "source/request.go", [][2]string{
		{"value, legal := headerValue(a.value)", "value, legal := strings.ReplaceAll(url.PathEscape(a.value), \"%2F\", \"/\"), true"},
		{"	\"net/http\"\n", "	\"net/http\"\n	\"net/url\"\n"},
	}, []string{"XW01-S", "XW01-T"}},
	{"retry_of_400", "source/request.go", [][2]string{{"case 0, http.StatusNotFound,", "case 0, http.StatusBadRequest, http.StatusNotFound,"}}, []string{"D03-S", "D03-T", "D06-S"}},
	{"commit_of_an_unfinished_offset", "source/partition.go", [][2]string{{"	offset = p.lowest()\n", "	offset = p.next\n"}}, []string{"C03-S", "C03-T", "C06-S"}},
	{"dead_letter_without_knativeerrordest", "source/deadletter.go", [][2]string{{"	dead.set(\"knativeerrordest\", s.sink.address)\n", ""}}, []string{"D17-S", "D17-T", "D18-S", "D35"}},
	{"truncation_at_1023", "source/request.go", [][2]string{{"const keptBody = 1024\n", "const keptBody = 1023\n"}}, []string{"D20-S", "D20-T", "XD24-S"}},
	{"reply_published_by_a_source", "source/reply.go", [][2]string{{"	if !s.config.Trigger {\n		return got\n	}\n", ""}}, []string{"D33"}},
	{"wrapped_event_for_a_trigger", "source/record.go", [][2]string{{"	case !ok && s.config.Trigger:\n		return nil, false\n", ""}}, []string{"R21"}},
	{"ordered_per_key_instead_of_per_partition", "source/poll.go", [][2]string{{
		"		if p.push(s.client, f.Records) {\n			s.records.Go(func() { s.workOff(p) })\n		}\n		return\n",
		"		keys := map[string][]*kgo.Record{}\n		for _, r := range f.Records {\n			keys[string(r.Key)] = append(keys[string(r.Key)], r)\n		}\n" +
			"		for _, records := range keys {\n			s.records.Go(func() {\n				for _, r := range records {\n					s.finish(p, r)\n				}\n			})\n		}\n		return\n",
	}}, []string{"O01-S", "O01-T"}},
	{"latest_that_loses", "source/source.go", [][2]string{{"	if c.Latest {\n", "	if false {\n"}}, []string{"C15", "XC01-S", "XC01-T"}},
	{"duration_not_truncated", "knative/duration.go", [][2]string{{
		"	p, err := period.Parse(text, false)\n",
		"	if d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(text, \"PT\"))); err == nil {\n		return d, nil\n	}\n	p, err := period.Parse(text, false)\n",
	}, {"	\"strconv\"\n", "	\"strconv\"\n	\"strings\"\n"}}, []string{"V05", "XD25-S", "XD25-T"}},
}

// plantedMain runs the cases that it is told, and prints what failed.
const plantedMain = `package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"somssi/local/conformance"
)

func main() {
	results, err := conformance.Run(context.Background(), conformance.Options{Select: os.Args[1:], Wait: 20 * time.Second})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, r := range results {
		if r.Result == conformance.Fail {
			fmt.Println(r.ID)
		}
	}
}
`

// TestPlanted plants each fault in a copy of the twin, and wants the suite to find
// it. Without one the same cases pass, as TestTwin shows.
func TestPlanted(t *testing.T) {
	t.Parallel()
	if len(faults) != 12 {
		t.Errorf("%d faults", len(faults))
	}
	builds := make(chan struct{}, 2)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			builds <- struct{}{}
			defer func() { <-builds }()
			binary := f.build(t)
			out, err := exec.CommandContext(t.Context(), binary, f.found...).Output()
			if err != nil {
				t.Fatalf("run the cases: %v", err)
			}
			failed := strings.Fields(string(out))
			for _, id := range f.found {
				if !slices.Contains(failed, id) {
					t.Errorf("%s passes", id)
				}
			}
		})
	}
}

// build is a program that runs cases on the twin with the fault.
func (f fault) build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	o := overlay.New(root, dir)
	if err := o.Patch("local/"+f.file, f.patch...); err != nil {
		t.Fatal(err)
	}
	o.Replace("local/conformance/planted/main.go", plantedMain) // nothing of it is in the tree
	changes, err := o.Write()
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "planted")
	command := exec.CommandContext(t.Context(), "go", "build", "-overlay", changes, "-o", binary, "somssi/local/conformance/planted")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build with the fault: %v\n%s", err, out)
	}
	return binary
}
