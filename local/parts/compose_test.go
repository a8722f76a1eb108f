package parts

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// infra/compose.yaml gives the parts that --real starts, of the same version
// of Kafka, to this machine only.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("../../infra/compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image   string
			Ports   []string
			Volumes []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string]string{"kafka": "apache/kafka:" + KafkaVersion(), "redis": "redis:", "postgres": "postgres:"} {
		s := compose.Services[name]
		if !strings.HasPrefix(s.Image, image) {
			t.Errorf("%s is %q, want %s", name, s.Image, image)
		}
		if len(s.Ports) == 0 || slices.ContainsFunc(s.Ports, func(p string) bool { return !strings.HasPrefix(p, "127.0.0.1:") }) {
			t.Errorf("%s listens on %v, not on this machine only", name, s.Ports)
		}
		if volume, _, _ := strings.Cut(strings.Join(s.Volumes, ""), ":"); !has(compose.Volumes, volume) {
			t.Errorf("%s keeps its data in %v, which are not in volumes", name, s.Volumes)
		}
	}
}

func has(all map[string]any, name string) bool {
	_, ok := all[name]
	return ok
}
