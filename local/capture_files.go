package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"somssi/local/capture"
	"somssi/local/source"
)

// makeFiles makes all files before one is written: a field that none has, or
// that can not be replaced, must leave nothing behind.
func makeFiles(events []source.Event, s *capture.Scrubber, fields *capture.Fields) ([]capture.File, error) {
	var files []capture.File
	used := map[string]bool{}
	for _, e := range events {
		at := e.Attributes["knativekafkapartition"] + "-" + e.Attributes["knativekafkaoffset"]
		file, err := capture.Make(e, s, fields)
		if err != nil {
			return nil, fmt.Errorf("the event at partition and offset %s: %w", at, err)
		}
		if used[file.Name] { // one event was written twice
			file.Name = strings.TrimSuffix(file.Name, ".json") + "-" + at + ".json"
		}
		used[file.Name] = true
		files = append(files, file)
	}
	if missing := fields.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("no event has %s: nothing was written. Is it written right? A field that may be missing ends with ?", strings.Join(missing, ", "))
	}
	return files, nil
}

// warn says what may be wrong with files that people see.
func (c *cli) warn(files []capture.File, scrubbed []string) {
	if len(scrubbed) == 0 {
		c.say("warning: people's data may be in these files; look before you commit them, or replace fields with --scrub")
	}
	leaks := map[string]int{}
	for _, f := range files {
		for _, path := range f.Leaks {
			leaks[path]++
		}
	}
	for _, path := range slices.Sorted(maps.Keys(leaks)) {
		c.say("warning: what %s was is still in another field, in %d of %d files: scrub that one too", path, leaks[path], len(files))
	}
}

// writeFiles writes into a folder, and never over a file unless force.
func writeFiles(folder string, files []capture.File, force bool) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, inputError{err}
	}
	var there []string
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = filepath.Join(folder, f.Name)
		if _, err := os.Lstat(names[i]); err == nil {
			there = append(there, names[i])
		}
	}
	if len(there) > 0 && !force {
		return nil, inputError{fmt.Errorf("%d files are there already and were not touched, such as %s: choose another --out, or say --force", len(there), there[0])}
	}
	how := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		how = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	for i, f := range files {
		if err := writeFile(names[i], how, f.Text); err != nil {
			return nil, fmt.Errorf("write event %d of %d: %w", i+1, len(files), err)
		}
	}
	return names, nil
}

func writeFile(name string, how int, text []byte) error {
	file, err := os.OpenFile(name, how, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
