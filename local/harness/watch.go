package harness

import (
	"os"
	"path/filepath"
	"reflect"

	"somssi/local/runner"
	"somssi/local/template"
)

// living adds to specs what lets functions be replaced, and go away while they are idle.
func (o Options) living(t *template.Template, specs []runner.Spec) error {
	revisions := filepath.Join(o.State, "revisions")
	if err := os.RemoveAll(revisions); err != nil { // of a harness that was killed
		return err
	}
	for i, spec := range specs {
		if t.Functions[spec.Name].Scale.Min == 0 {
			specs[i].Idle = o.Idle
		}
		if o.Watch {
			specs[i].Revisions = revisions
		}
	}
	return nil
}

func (h *Harness) startWatch(o Options, t *template.Template) (err error) {
	if o.Watch {
		h.watch, err = h.runner.Watch(o.Root, Binaries(o.Root), func() { judge(o, t) })
	}
	return err
}

// judge says what is to be said of a template.yaml that was saved. It is not
// applied: topics, groups and routes of what runs would have to be taken away
// under events in flight, and to start again takes a second.
func judge(o Options, running *template.Template) {
	saved, err := template.Load(o.file(), "local")
	switch {
	case err != nil:
		o.Say("%v\nwhat runs goes on", err)
	case reflect.DeepEqual(saved, running):
		o.Say("template.yaml says what runs")
	default:
		o.Say("template.yaml is right and says something new: stop with Ctrl-C and start again to apply it")
	}
}
