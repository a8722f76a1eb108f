package render

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The guide names each Secret that is an operator's to make, with its keys.
func TestDeploy_names_the_secrets(t *testing.T) {
	files := ours(t, "prod")
	want := map[string][]string{}
	for name, text := range files {
		if !strings.HasPrefix(name, "base/") && name != "migrate/job.yaml" {
			continue
		}
		for _, found := range regexp.MustCompile(`secretKeyRef:\n\s+name: (\S+)\n\s+key: (\S+)`).FindAllStringSubmatch(text, -1) {
			want[found[1]] = append(want[found[1]], found[2])
		}
	}
	guide := read(t, repository+"/infra/deploy.md")
	_, table, _ := strings.Cut(guide, "| Secret | keys |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	words := regexp.MustCompile("`([^`]+)`")
	got := map[string][]string{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 4 {
			t.Fatalf("the row %q has no two cells", row)
		}
		for _, name := range words.FindAllStringSubmatch(cells[1], -1) {
			for _, key := range words.FindAllStringSubmatch(cells[2], -1) {
				got[name[1]] = append(got[name[1]], key[1])
			}
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("the guide names %s, which nothing reads", name)
		}
	}
	for name, keys := range want {
		slices.Sort(keys)
		slices.Sort(got[name])
		byStrimzi := slices.Contains(keys, "user.crt") || strings.HasSuffix(name, "-cluster-ca-cert") && strings.Contains(guide, name)
		if !slices.Equal(got[name], keys) && !byStrimzi {
			t.Errorf("the guide gives %s %v, and %v is read", name, got[name], keys)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
