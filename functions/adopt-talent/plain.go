package main

import (
	"errors"
	"strconv"
	"time"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/go-json-experiment/json/jsontext"

	"somssi/shared"
)

// read is the talent that a plain message tells of, nil where it tells of
// something else. Errors are Permanent.
func read(in event.Event) (*talent, error) {
	if in.Extensions()["kafkaheadercespecversion"] != nil { // else it would pass for another kind of message, and be gone
		return nil, shared.Permanent(errors.New("the record's ce_ headers are not those of a CloudEvent"))
	}
	if jsontext.Value(in.Data()).Kind() != '{' {
		return nil, shared.Permanent(errors.New("the message is not a JSON object"))
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := shared.Decode(in, &kind); err != nil {
		return nil, err
	}
	switch kind.Type {
	case "new_talent":
	case "":
		return nil, shared.Permanent(errors.New("type is missing"))
	default:
		return nil, nil // whose other fields may be anything
	}
	var m struct {
		ID       jsontext.Value `json:"talent_id"`
		Title    string         `json:"title"`
		Category string         `json:"category"`
	}
	if err := shared.Decode(in, &m); err != nil {
		return nil, err
	}
	id, ok := parseID(m.ID)
	title, err := shared.Clean(m.Title, 120)
	switch {
	case !ok:
		return nil, shared.Permanent(errors.New("talent_id must be an integer from 1 to 2^53-1, as a number or as digits in a string"))
	case err != nil:
		return nil, shared.Permanent(errors.New("title " + err.Error()))
	case !shared.Category.MatchString(m.Category):
		return nil, shared.Permanent(errors.New("category must be 1 to 64 of a-z, 0-9 and -"))
	}
	return &talent{id, title, m.Category, happened(in)}, nil
}

// parseID reads 9001 and "9001": PHP producers write both.
func parseID(raw jsontext.Value) (id int64, ok bool) {
	digits := []byte(raw)
	if raw.Kind() == '"' {
		digits, _ = jsontext.AppendUnquote(nil, raw) // which was decoded before
	}
	n, err := strconv.ParseUint(string(digits), 10, 53)
	return int64(n), err == nil && n > 0
}

// happened is the record's time, so that a late delivery is no newer talent;
// now where the record has none, or one of the future, which would keep the
// talent on top of its category until then.
func happened(in event.Event) time.Time {
	at := time.Now()
	if t := in.Time(); !t.IsZero() && t.Before(at) {
		at = t
	}
	return at.UTC().Truncate(time.Millisecond)
}
