package render

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mark is in the first lines of each file that is rendered, so that one of a
// function that is no more can be told from what a person wrote.
const mark = "go run ./local render"

// Read reads what is rendered into a folder: text by path.
func Read(dir string) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".sql", ".acl"}, filepath.Ext(file)) {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	return all, err
}

// Stale tells what would change of a folder: a sentence for each file that is
// missing, differs, or is no longer rendered. A folder that is not there lacks all.
func Stale(dir string, want map[string]string) ([]string, error) {
	have, err := Read(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if text, there := have[name]; !there {
			found = append(found, name+" is missing")
		} else if text != want[name] {
			found = append(found, fmt.Sprintf("%s differs in line %d", name, firstDifference(text, want[name])))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, wanted := want[name]; !wanted && rendered(have[name]) {
			found = append(found, name+" is rendered no more")
		}
	}
	return found, nil
}

func firstDifference(a, b string) int {
	have, want := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(have), len(want)) {
		if have[i] != want[i] {
			return i + 1
		}
	}
	return min(len(have), len(want)) + 1
}

// rendered tells a file that Write wrote from one of a person.
func rendered(text string) bool {
	lines := strings.SplitN(text, "\n", 4)
	return strings.Contains(strings.Join(lines[:min(3, len(lines))], "\n"), mark)
}

// Write makes a folder hold what was rendered, and no more what was once.
func Write(dir string, files map[string]string) error {
	have, err := Read(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for name, text := range have {
		if _, wanted := files[name]; !wanted && rendered(text) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
