package observability

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rule is what the tests look at of rules.yaml.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rules are those of rules.yaml, and spec that part of it that is Prometheus' own.
func rules(t *testing.T) (all []rule, spec []byte) {
	t.Helper()
	text, err := os.ReadFile("rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Spec struct{ Groups []struct{ Rules []rule } }
	}
	if err := yaml.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for _, group := range manifest.Spec.Groups {
		all = append(all, group.Rules...)
	}
	var whole struct{ Spec any }
	if err := yaml.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	if spec, err = json.Marshal(whole.Spec); err != nil { // which is YAML, too
		t.Fatal(err)
	}
	return all, spec
}

// tool runs a program of Prometheus or Alertmanager, which local/install.sh installs.
func tool(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: run local/install.sh", name)
		}
		t.Skipf("%s is missing (local/install.sh installs it)", name)
	}
	command := exec.CommandContext(t.Context(), name, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

func TestRules(t *testing.T) {
	dir := t.TempDir()
	_, spec := rules(t)
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), spec, 0o600); err != nil {
		t.Fatal(err)
	}
	cases, err := os.ReadFile("rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules_test.yaml"), cases, 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, dir, "promtool", "test", "rules", "rules_test.yaml")
}

// Each alert has a case in which it fires, with each of its severities; the clean hour
// has figures for all that alerts look at; each has its page, and each page an alert.
func TestRules_are_all_tried_and_explained(t *testing.T) {
	var cases struct {
		Tests []struct {
			Name  string
			Input []struct{ Series string } `yaml:"input_series"`
			Cases []struct {
				Alert string `yaml:"alertname"`
				Fires []struct {
					Exp map[string]string `yaml:"exp_labels"`
				} `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	text, err := os.ReadFile("rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	fires := map[string]bool{}
	for _, one := range cases.Tests {
		for _, c := range one.Cases {
			for _, f := range c.Fires {
				fires[c.Alert+" "+f.Exp["severity"]+" "+f.Exp["burns"]] = true
			}
		}
	}
	measured := map[string]bool{}
	for _, input := range cases.Tests[0].Input {
		name, _, _ := strings.Cut(input.Series, "{")
		measured[name] = true
	}
	var pages []string
	all, _ := rules(t)
	for _, r := range all {
		for name := range metricsOf(t, r.Expr) {
			if !measured[name] && !recorded(all, name) {
				t.Errorf("the clean hour has no %s, which is in %s%s", name, r.Record, r.Alert)
			}
		}
		if r.Alert == "" {
			continue
		}
		if !fires[r.Alert+" "+r.Labels["severity"]+" "+r.Labels["burns"]] {
			t.Errorf("%s (%v) fires in no case", r.Alert, r.Labels)
		}
		if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
			t.Errorf("%s has severity %q", r.Alert, r.Labels["severity"])
		}
		page := r.Alert + ".md"
		pages = append(pages, page)
		if want := "infra/runbooks/" + page; r.Annotations["runbook_url"] != want || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s: annotations %v, want summary, description and runbook_url %s", r.Alert, r.Annotations, want)
		}
	}
	slices.Sort(pages)
	pages = slices.Compact(pages)
	if got := runbooks(t); !slices.Equal(got, pages) {
		t.Errorf("runbooks %v\nalerts   %v", got, pages)
	}
}

func recorded(all []rule, name string) bool {
	return slices.ContainsFunc(all, func(r rule) bool { return r.Record == name })
}

func TestAlertmanager(t *testing.T) {
	tool(t, ".", "amtool", "check-config", "alertmanager.yaml")
}

// A page wakes somebody, and what has another severity, or none, does not.
func TestAlertmanager_routes(t *testing.T) {
	for severity, receiver := range map[string]string{"page": "page", "ticket": "ticket", "none": "ticket"} {
		tool(t, ".", "amtool", "config", "routes", "test", "--config.file=alertmanager.yaml", "--verify.receivers="+receiver, "severity="+severity)
	}
}
