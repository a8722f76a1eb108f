// Package overlay changes Go packages for a build alone: the compiler reads some
// files in place of others, and the tree stays as it is.
package overlay

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Overlay is a set of changed files.
type Overlay struct {
	root, dir string
	files     map[string]string // name, below root, to text
}

// New has nothing changed yet of the module in root, and dir for what it writes,
// both absolute.
func New(root, dir string) *Overlay { return &Overlay{root, dir, map[string]string{}} }

// Text is the file as a build will read it. Files are named below the root.
func (o *Overlay) Text(file string) (string, error) {
	if text, ok := o.files[file]; ok {
		return text, nil
	}
	text, err := os.ReadFile(filepath.Join(o.root, file))
	return string(text), err
}

// Replace gives the file another text. It need not be there.
func (o *Overlay) Replace(file, text string) { o.files[file] = text }

// Patch replaces in the file each change's first text by its second. The first
// must be there just once: else the file is not what the patch was made for, and
// nothing is changed. Patches of one file add up.
func (o *Overlay) Patch(file string, changes ...[2]string) error {
	text, err := o.Text(file)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if n := strings.Count(text, c[0]); n != 1 {
			return fmt.Errorf("%s has %d times, not once, what a patch replaces, so the patch is to be made anew: %q", file, n, c[0])
		}
		text = strings.Replace(text, c[0], c[1], 1)
	}
	o.Replace(file, text)
	return nil
}

// Write writes what is changed and returns the file for go build -overlay, or for
// GOFLAGS=-overlay=…, where go is run by something else.
func (o *Overlay) Write() (string, error) {
	var list struct{ Replace map[string]string }
	list.Replace = map[string]string{}
	var errs []error
	for file, text := range o.files {
		changed := filepath.Join(o.dir, file)
		list.Replace[filepath.Join(o.root, file)] = changed
		errs = append(errs, os.MkdirAll(filepath.Dir(changed), 0o755), os.WriteFile(changed, []byte(text), 0o600))
	}
	text, err := json.Marshal(list)
	path := filepath.Join(o.dir, "overlay.json")
	return path, errors.Join(append(errs, err, os.WriteFile(path, text, 0o600))...)
}
