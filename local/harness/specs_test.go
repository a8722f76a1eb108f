package harness

import (
	"slices"
	"testing"

	"somssi/local/template"
)

// Go has no more of a function's memory limit than leaves the kernel no reason to end it.
func TestSpecs_keep_below_the_memory_limit(t *testing.T) {
	house, err := template.Parse("template.yaml", []byte(`
version: 1
app: a
namespace: ns
functions:
  do-it: {resources: {memory: 64Mi}}
  do-else: {}
`), "")
	if err != nil {
		t.Fatal(err)
	}
	specs, err := new(Harness).specs(house, "bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		if got := slices.Contains(spec.Env, "GOMEMLIMIT=53687091"); got != (spec.Name == "do-it") || len(spec.Env) > 1 {
			t.Errorf("%s runs with %v", spec.Name, spec.Env)
		}
	}
}
