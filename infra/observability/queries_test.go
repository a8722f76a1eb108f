package observability

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/VictoriaMetrics/metricsql"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"somssi/local/client"
	"somssi/shared/eventtest"
)

// used is which labels of each metric a query uses; those by which it groups are taken
// as used of all.
type used map[string]map[string]bool

func metricsOf(t *testing.T, query string) used {
	t.Helper()
	e, err := metricsql.Parse(query)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
	}
	found, grouped := used{}, []string{}
	metricsql.VisitAll(e, func(e metricsql.Expr) {
		switch e := e.(type) {
		case *metricsql.MetricExpr:
			for _, filters := range e.LabelFilterss {
				labels := map[string]bool{}
				for _, f := range filters[1:] {
					labels[f.Label] = true
				}
				if found[filters[0].Value] == nil {
					found[filters[0].Value] = map[string]bool{}
				}
				maps.Copy(found[filters[0].Value], labels)
			}
		case *metricsql.AggrFuncExpr:
			grouped = append(grouped, e.Modifier.Args...)
		case *metricsql.BinaryOpExpr:
			grouped = append(grouped, e.GroupModifier.Args...)
		}
	})
	for name := range found {
		for _, label := range grouped {
			found[name][label] = true
		}
	}
	return found
}

// dashboard is what the tests look at of one.
type dashboard struct {
	UID, Title, Description string
	Panels                  []struct {
		Title, Description, Type string
		Targets                  []struct{ Expr, LegendFormat string }
		Datasource               struct{ UID string }
		FieldConfig              struct {
			Defaults struct{ Unit string }
		}
		GridPos struct{ X, Y, W, H int }
	}
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob("dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[file] = d
	}
	return all
}

var variables = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h", "$function", "update-stats")

// queries are those of the dashboards and the rules, by where they stand.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for i, target := range p.Targets {
				all[fmt.Sprintf("%s, %s, query %d", file, p.Title, i+1)] = variables.Replace(target.Expr)
			}
		}
		for _, v := range d.Templating.List {
			if metric, ok := strings.CutPrefix(v.Definition, "label_values("); ok {
				metric, label, _ := strings.Cut(strings.TrimSuffix(metric, ")"), ", ")
				all[file+", variable "+v.Name] = "count by (" + label + ") (" + metric + ")"
			}
		}
	}
	listed, _ := rules(t)
	for i, r := range listed {
		all[fmt.Sprintf("rule %d, %s%s", i, r.Record, r.Alert)] = r.Expr
	}
	return all
}

// Prometheus itself reads each query.
func TestQueries_are_PromQL(t *testing.T) {
	var file strings.Builder
	file.WriteString("groups: [{name: all, rules: [\n")
	for n, where := range slices.Sorted(maps.Keys(queries(t))) {
		fmt.Fprintf(&file, "{record: query%d, expr: %q},\n", n, queries(t)[where])
	}
	file.WriteString("]}]\n")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "queries.yaml"), []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, dir, "promtool", "check", "rules", "queries.yaml")
}

// Each query names metrics and labels that the functions and the harness export.
func TestQueries_name_what_is_exported(t *testing.T) {
	startHouse(t)
	there := exported(t)
	listed, _ := rules(t)
	for where, query := range queries(t) {
		for name, labels := range metricsOf(t, query) {
			if recorded(listed, name) || name == "ALERTS" { // which are Prometheus' own
				continue
			}
			if there[name] == nil {
				t.Errorf("%s: nobody exports %s", where, name)
				continue
			}
			for label := range labels {
				if !there[name][label] && label != "instance" && label != "job" { // which Prometheus adds
					t.Errorf("%s: %s has no label %s, but %v", where, name, label, slices.Sorted(maps.Keys(there[name])))
				}
			}
		}
	}
}

// exported is each metric of the house, with its labels, after a registration was seen.
func exported(t *testing.T) used {
	t.Helper()
	u := newcomer(t, "measured")
	var opened, seen atomic.Bool
	go u.Stream(t.Context(), func() { opened.Store(true) }, func(client.Item) { seen.Store(true) })
	eventtest.Eventually(t, "true", func() string { return fmt.Sprint(opened.Load()) })
	if err := register(t.Context(), "measured"); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "true", func() string { return fmt.Sprint(seen.Load()) })
	all := used{}
	scrape := func(address string) {
		answer, err := http.Get(address) //nolint:gosec // of our own house
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		families, err := textParser().TextToMetricFamilies(answer.Body)
		if err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		for name, family := range families {
			for _, m := range family.Metric {
				note(all, name, family.GetType(), m)
			}
		}
	}
	eventtest.Eventually(t, "true", func() string {
		for _, f := range house.Functions() {
			scrape(f.Metrics)
		}
		scrape(house.Run.URL + "/dev/metrics")
		swept, committed := all["somssi_outbox_oldest_seconds"], all["kafka_consumergroup_current_offset"] // every 5 s
		return fmt.Sprint(swept != nil && committed != nil)
	})
	return all
}

func note(all used, name string, kind dto.MetricType, m *dto.Metric) {
	names := []string{name}
	if kind == dto.MetricType_HISTOGRAM {
		names = []string{name + "_bucket", name + "_sum", name + "_count"}
	}
	for _, n := range names {
		if all[n] == nil {
			all[n] = map[string]bool{}
		}
		for _, l := range m.Label {
			all[n][l.GetName()] = true
		}
		if strings.HasSuffix(n, "_bucket") {
			all[n]["le"] = true
		}
	}
}

var units = regexp.MustCompile(`^(s|short|percentunit|reqps|cps|bytes|none)$`)

// A newcomer finds in each dashboard the same handles and an explanation of each panel.
func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for file, d := range dashboards(t) {
		if other := uids[d.UID]; other != "" || d.UID != "somssi-"+strings.TrimSuffix(filepath.Base(file), ".json") {
			t.Errorf("%s has the uid %q (also of %q), want its name after somssi-", file, d.UID, other)
		}
		uids[d.UID] = file
		var names []string
		for _, v := range d.Templating.List {
			names = append(names, v.Name)
		}
		if d.Title == "" || d.Description == "" || len(names) == 0 || names[0] != "datasource" {
			t.Errorf("%s: title %q, description %q, variables %v", file, d.Title, d.Description, names)
		}
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			where := file + ", " + p.Title
			if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
				t.Errorf("%s: want a title, a description, queries, and the datasource of the variable", where)
			}
			if !units.MatchString(p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s has the unit %q", where, p.FieldConfig.Defaults.Unit)
			}
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s overlaps %s or is too wide", where, other)
					}
					taken[[2]int{x, y}] = p.Title
				}
			}
		}
	}
}

func textParser() *expfmt.TextParser {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return &parser
}
