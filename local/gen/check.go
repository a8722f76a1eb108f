package gen

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/jsonschema-go/jsonschema"

	strict "github.com/go-json-experiment/json"
)

// Limits of an event, which the functions hold to.
const (
	mostBytes      = 64 << 10
	mostID         = 128
	mostSource     = 512
	mostSubject    = 256
	mostExtensions = 32
)

// Check says why text is not an event of this type: no JSON that can be read
// in one way only, no CloudEvent, or data that its schema does not allow.
func (s *Schema) Check(text []byte) error {
	if len(text) > mostBytes {
		return fmt.Errorf("larger than %d bytes", mostBytes)
	}
	var members map[string]jsontext.Value
	if err := strict.Unmarshal(text, &members); err != nil {
		return fmt.Errorf("no JSON object that can be read in one way only: %w", err)
	}
	if members == nil {
		return errors.New("null is no event")
	}
	if err := checkAttributes(members); err != nil {
		return err
	}
	if typ, _ := textOf(members["type"]); typ != s.Type {
		return fmt.Errorf("type is not %s", s.Type)
	}
	data, ok := members["data"]
	if !ok {
		return errors.New("data is missing")
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if err := s.resolved.Validate(v); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	return checkTimes(s.root, v)
}

// checkTimes holds what the validator of schemas leaves alone: format.
func checkTimes(s *jsonschema.Schema, v any) error {
	switch v := v.(type) {
	case string:
		if _, err := time.Parse(time.RFC3339, v); s.Format == "date-time" && err != nil {
			return fmt.Errorf("data: %q is no date-time", v)
		}
	case map[string]any:
		for name, one := range v {
			if below := s.Properties[name]; below != nil {
				if err := checkTimes(below, one); err != nil {
					return err
				}
			}
		}
	case []any:
		for _, one := range v {
			if s.Items != nil {
				if err := checkTimes(s.Items, one); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
