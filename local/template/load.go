package template

import (
	"bytes"
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
	// Some editors begin a file with a byte order mark, or end lines as their system does.
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
	r := newReport(name, text)
	root := read(r, text)
	if root == nil {
		return nil, r.problems()
	}
	// The file must hold without an environment and with each of its own, so that a mistake meant for a
	// cluster is seen on the laptop.
	t := check(r, root)
	over := root.get("environments")
	if env != "" && env != "local" && over.get(env) == nil {
		at := root.at
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
		merged := check(r, overlaid(r, root, overlay))
		if overlay.key == env {
			t = merged
		}
	}
	if err := r.problems(); err != nil {
		return nil, err
	}
	return t, nil
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
