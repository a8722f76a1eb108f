// Command crds takes the schemas of other people's kinds out of the Go modules
// that ship them, without the descriptions: run go run ./crds in infra/validate
// after a change of a version here. Strimzi publishes no module; strimzi.yaml is
// written by hand, and so is kafkasink.yaml.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sigs.k8s.io/yaml"
)

var modules = []struct {
	name, module string
	files        []string
}{
	{"gateway", "sigs.k8s.io/gateway-api@v1.6.3", []string{
		"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
		"config/crd/standard/gateway.networking.k8s.io_referencegrants.yaml",
	}},
	{"keda", "github.com/kedacore/keda/v2@v2.21.0", []string{"config/crd/bases/keda.sh_scaledobjects.yaml"}},
	{"prometheus", "github.com/prometheus-operator/prometheus-operator@v0.85.0", []string{
		"example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
		"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
	}},
}

func main() {
	for _, m := range modules {
		text, err := schemas(m.module, m.files)
		if err == nil {
			err = os.WriteFile(filepath.Join("crds", m.name+".yaml"), []byte(text), 0o644)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", m.module, err)
			os.Exit(1)
		}
	}
}

func schemas(module string, files []string) (string, error) {
	out, err := exec.Command("go", "mod", "download", "-json", module).Output()
	var got struct{ Dir, Error string }
	if bad := json.Unmarshal(out, &got); bad != nil || got.Dir == "" {
		return "", fmt.Errorf("download it: %s (%w)", got.Error, err)
	}
	text := "# Taken from " + module + " (Apache License 2.0) by go run ./crds: do not edit.\n"
	for _, file := range files {
		written, err := os.ReadFile(filepath.Join(got.Dir, file))
		if err != nil {
			return "", err
		}
		var crd map[string]any
		if err := yaml.Unmarshal(written, &crd); err != nil {
			return "", err
		}
		delete(crd, "status")
		crd["metadata"] = map[string]any{"name": crd["metadata"].(map[string]any)["name"]}
		short, err := yaml.Marshal(bare(crd))
		if err != nil {
			return "", err
		}
		text += "---\n" + string(short)
	}
	return text, nil
}

// bare is a schema without what is there for people to read, and for the API
// server alone.
func bare(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			_, text := inner.(string)
			switch {
			case key == "description" && text, key == "x-kubernetes-validations", key == "additionalPrinterColumns", key == "subresources":
				delete(v, key)
			default:
				v[key] = bare(inner)
			}
		}
	case []any:
		for i := range v {
			v[i] = bare(v[i])
		}
	}
	return value
}
