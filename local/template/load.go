package template

import (
	"fmt"
	"os"
)

// maxEnvironments bounds the work: the whole file is checked once more with each.
const maxEnvironments = 16

// Load reads and checks the template at path with one of its environments merged in. Env "" merges none,
// "local" merges it if the file has it; any other must be there. An error is Problems, unless the file
// itself can not be read.
func Load(path, env string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	return Parse(path, text, env)
}

// Parse is Load for a text that is at hand; name stands for the file in errors.
func Parse(name string, text []byte, env string) (*Template, error) {
	r := newReport(name, text)
	t, _ := r.load(env)
	if err := r.problems(); err != nil {
		return nil, err
	}
	return t, nil
}

// Check is Load that also finds what is legal and bites: the problems are errors and warnings in the
// order of the file. There is no template where one is an error. The error is that of reading the file.
func Check(path, env string) (*Template, Problems, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("read template: %w", err)
	}
	r := newReport(path, text)
	t, root := r.load(env)
	if root != nil {
		bites{r, root, t}.find()
	}
	_ = r.problems()
	if r.found.Count(LevelError) > 0 {
		t = nil
	}
	return t, r.found, nil
}

// load reads the text with an environment merged in, and reports all that is wrong. The root is that of
// what was merged; nil where the text is no YAML.
func (r *report) load(env string) (*Template, *node) {
	file := read(r, r.text)
	if file == nil {
		return nil, nil
	}
	// The file must hold without an environment and with each of its own, so that a mistake meant for a
	// cluster is seen on the laptop.
	t, root := check(r, file), file
	over := file.get("environments")
	if env != "" && env != "local" && over.get(env) == nil {
		at := file.at
		if over != nil {
			at = over.keyAt
		}
		r.add(at, ruleEnvironment, fmt.Sprintf("there is no environment %q", env),
			didYouMean(env, t.Environments, "the file has these: "))
	}
	for i, overlay := range over.entries() {
		if i == maxEnvironments {
			r.add(overlay.keyAt, ruleNumber, "there are too many environments", fmt.Sprintf("keep it to %d", maxEnvironments))
			break
		}
		both := overlaid(r, file, overlay)
		merged := check(r, both)
		if overlay.key == env {
			t, root = merged, both
		}
	}
	return t, root
}

// overlaid is the file with one environment merged in. An environment has what the file has, but for
// the version and environments.
func overlaid(r *report, root, overlay *node) *node {
	for _, key := range []string{"version", "environments"} {
		if item := overlay.get(key); item != nil {
			r.add(item.keyAt, ruleUnknownKey, fmt.Sprintf("unknown key %q%s", key, overlay.in()), "remove it: it belongs to the whole file")
			overlay = overlay.without(key)
		}
	}
	return merge(root, overlay)
}
