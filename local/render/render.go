// Package render writes what a cluster needs to run template.yaml: a file of
// manifests for each function, with what it may read, write and reach, and
// overlays of kustomize for the environments.
//
// The resources by which Kafka's records come to functions are those that the
// harness runs, from package manifest. All others are text templates: they are
// read by the operator who applies them, so they look here as they will look
// there, with their comments.
package render

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/template"

	"somssi/local/knative"
	"somssi/local/manifest"
	house "somssi/local/template"
)

//go:embed templates
var texts embed.FS

var templates = template.Must(template.New("").Funcs(template.FuncMap{"quote": quote}).ParseFS(texts, "templates/*"))

// quote writes text as YAML of any version reads it: a JSON string is one.
func quote(text string) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(text)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// The ports of a function. Knative sets PORT; its queue-proxy takes 8012, 8013,
// 8022, 8112, 9090 and 9091 of the same pod.
const metricsPort = 9464

// base is the rendering of one environment: text by the name of the file.
type base map[string]string

// renderBase renders an environment. Root is the repository, whose code says
// which variables each function reads.
func renderBase(root fs.FS, t *house.Template) (base, error) {
	if _, err := manifest.All(t, t.Kafka.Bootstrap); err != nil {
		return nil, err
	}
	needed, err := reads(root, t.Names())
	if err != nil {
		return nil, err
	}
	all := base{}
	var found []error
	for _, name := range t.Names() {
		text, err := renderFunction(t, name, needed[name])
		all[name+".yaml"], found = text, append(found, err)
	}
	shared := map[string]any{"Namespace": t.Namespace, "MetricsPort": metricsPort, "Streams": streams(t), "In": gatewayOf(t)}
	all["network.yaml"], err = execute("network.yaml", shared)
	found = append(found, err)
	if brokers, err := renderBrokers(t); brokers != "" || err != nil {
		all["brokers.yaml"], found = brokers, append(found, err)
	}
	if g := gatewayOf(t); len(g.Routes) > 0 {
		all["gateway.yaml"], err = execute("gateway.yaml", g)
		found = append(found, err)
	}
	if t.Kafka.Strimzi != "" && len(t.Topics) > 0 {
		all["topics.yaml"], err = renderTopics(t)
		found = append(found, err)
	}
	return all, errors.Join(found...)
}

func execute(name string, data any) (string, error) {
	var b strings.Builder
	err := templates.ExecuteTemplate(&b, name, data)
	return strings.TrimRight(b.String(), "\n") + "\n", err
}

func streams(t *house.Template) (names []string) {
	for _, name := range t.Names() {
		if t.Functions[name].Stream {
			names = append(names, name)
		}
	}
	return names
}

// renderBrokers is what Triggers need besides themselves; empty without one.
func renderBrokers(t *house.Template) (string, error) {
	all, err := manifest.All(t, t.Kafka.Bootstrap)
	if err != nil {
		return "", err
	}
	var first []knative.Resource
	for _, r := range all {
		switch r.(type) {
		case *knative.Broker, *knative.ConfigMap:
			first = append(first, r)
		}
	}
	if len(first) == 0 {
		return "", nil
	}
	var b strings.Builder
	b.WriteString("# The topics that broker triggers read, rendered from template.yaml by go run ./local render.\n")
	err = knative.Write(&b, first...)
	return b.String(), err
}

// topic is a KafkaTopic. InSync is how many replicas have a record before its
// writer is told so.
type topic struct {
	Name, Topic                     string
	Partitions, Replication, InSync int
	RetentionMs                     int64
}

func renderTopics(t *house.Template) (string, error) {
	var all []topic
	for _, name := range slices.Sorted(maps.Keys(t.Topics)) {
		of := t.Topics[name]
		all = append(all, topic{
			Name: manifest.Broker(t, name).Meta.Name, Topic: name, // in the letters that Kubernetes takes
			Partitions: of.Partitions, Replication: of.Replication, InSync: max(1, of.Replication-1),
			RetentionMs: int64(of.Retention) / 1e6,
		})
	}
	return execute("topics.yaml", map[string]any{"Topics": all, "Namespace": t.Namespace, "Strimzi": t.Kafka.Strimzi})
}

// renderMigrate is the Job that brings the schema up to date.
func renderMigrate(t *house.Template) (string, error) {
	secret := t.Secret
	if secret == "" {
		secret = t.App
	}
	return execute("migrate.yaml", map[string]any{
		"Name": "migrate", "PodLabel": deploymentLabel, "Namespace": t.Namespace, "Secret": of(secret, "migrate"),
		"Egress": []egress{{5432, "PostgreSQL, of DATABASE_URL"}},
	})
}

// of puts the name of a function into a pattern.
func of(pattern, function string) string { return strings.ReplaceAll(pattern, "{function}", function) }
