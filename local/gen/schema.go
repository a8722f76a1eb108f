// Package gen makes events of the types that have a JSON Schema: plausible
// ones, ones at the limits, and ones that each break one rule.
package gen

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema is the schema of the data of one type of event.
type Schema struct {
	Type     string
	Title    string
	root     *jsonschema.Schema
	resolved *jsonschema.Resolved
}

// ErrUnknown is that there is no schema for a type.
var ErrUnknown = errors.New("there is no schema for this type of event")

// Types are the types that have a schema in folder, which holds one as
// <type>.json for each, sorted.
func Types(folder string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	types := make([]string, len(files))
	for i, file := range files {
		types[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	slices.Sort(types)
	return types, err
}

// Load reads the schema of a type. It is ErrUnknown where there is none, and
// any other error where events can not be made of it.
func Load(folder, typ string) (*Schema, error) {
	if typ != filepath.Base(typ) {
		return nil, ErrUnknown
	}
	text, err := os.ReadFile(filepath.Join(folder, typ+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	s := &Schema{Type: typ, root: &jsonschema.Schema{}}
	if err := json.Unmarshal(text, s.root); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", typ, err)
	}
	s.Title = s.root.Title
	if err := known(text); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", typ, err)
	}
	if s.root.Type != "object" {
		return nil, fmt.Errorf("schema of %s: its type is not object", typ)
	}
	if s.resolved, err = s.root.Resolve(&jsonschema.ResolveOptions{BaseURI: "somssi:/schemas/"}); err != nil {
		return nil, fmt.Errorf("schema of %s: %w", typ, err)
	}
	return s, nil
}

// keywords are those that events can be made for, and those that say nothing
// about them.
var keywords = strings.Fields(`type required properties additionalProperties enum const minimum maximum minLength maxLength
	pattern format items minItems maxItems uniqueItems $schema $id $comment title description default examples deprecated`)

// known finds a keyword that would be ignored, so that events would be made
// that break it.
func known(schema json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(schema, &members); err != nil { // true and false are schemas, too
		return nil
	}
	for name := range members {
		if !slices.Contains(keywords, name) {
			return fmt.Errorf("no events can be made for the keyword %s; the ones known are %s", name, strings.Join(keywords[:15], ", "))
		}
	}
	var below []json.RawMessage
	if items, ok := members["items"]; ok {
		below = append(below, items)
	}
	var properties map[string]json.RawMessage
	if text, ok := members["properties"]; ok {
		if err := json.Unmarshal(text, &properties); err != nil {
			return err
		}
	}
	for _, one := range properties {
		below = append(below, one)
	}
	for _, one := range below {
		if err := known(one); err != nil {
			return err
		}
	}
	return nil
}
