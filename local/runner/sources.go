package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
)

// inAll are the folders and files of a repository that can change every binary.
var inAll = []string{"shared", "infra", "go.mod", "go.sum"}

// add watches a folder and those in it. What is no folder, or no more, is as well.
func (w *Watch) add(folder string) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case path != folder && ignored(d.Name()):
			return fs.SkipDir
		}
		if err := w.files.Add(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// ignored tells of a file or folder that is in no binary, by its name.
func ignored(name string) bool {
	return name == "testdata" || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") || strings.HasSuffix(name, "~")
}

// look notes what changes until the watcher is closed.
func (w *Watch) look() {
	for {
		select {
		case event, open := <-w.files.Events:
			if !open {
				return
			}
			if event.Op == fsnotify.Chmod {
				continue
			}
			what := w.concerned(event.Name)
			if what == "" {
				continue
			}
			if info, err := os.Stat(event.Name); err == nil && info.IsDir() && event.Has(fsnotify.Create) {
				if err := w.add(event.Name); err != nil {
					w.runner.say("watch: %v", err)
				}
			}
			w.note(what)
		case err, open := <-w.files.Errors:
			if !open {
				return
			}
			w.runner.say("watch: %v: everything is built again", err) // it could not follow
			w.note("everything")
		}
	}
}

// concerned is what a path belongs to: a function, template.yaml, or one of
// inAll; "" where it is none of those or in no binary.
func (w *Watch) concerned(path string) string {
	relative, err := filepath.Rel(w.root, path)
	if err != nil {
		return ""
	}
	parts := strings.Split(filepath.ToSlash(relative), "/")
	switch {
	case slices.ContainsFunc(parts, ignored):
		return ""
	case relative == "template.yaml", slices.Contains(inAll, parts[0]):
		return parts[0]
	case parts[0] == "functions" && len(parts) > 1:
		return parts[1]
	case parts[0] == "functions":
		return "everything"
	}
	return ""
}
