package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/shared"
)

// records are those of a text, with the key and the headers of the flags.
func (o sendOptions) records(topic string, text []byte) ([]*kgo.Record, error) {
	var headers []kgo.RecordHeader
	for _, header := range o.headers {
		name, value, ok := strings.Cut(header, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--header %s: such as --header trace=7", header)
		}
		headers = append(headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
	}
	var all []*kgo.Record
	for _, one := range messages(text) {
		r := record(topic, one)
		if o.key != "" {
			r.Key = []byte(o.key)
		}
		r.Headers = append(r.Headers, headers...) // of one name the last counts
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nothing to send to %s: an empty list", topic)
	}
	return all, nil
}

// messages are the messages in a text: the elements of a JSON array, the lines
// where one of several is a JSON object, else all of it.
func messages(text []byte) (all [][]byte) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil && list != nil {
		for _, one := range list {
			all = append(all, one)
		}
		return all
	}
	if lines := bytes.Split(text, []byte("\n")); !json.Valid(text) {
		objects := 0
		for _, line := range lines {
			line = bytes.TrimSuffix(line, []byte("\r"))
			if len(line) > 0 {
				all = append(all, line)
			}
			if bytes.HasPrefix(line, []byte("{")) && json.Valid(line) {
				objects++
			}
		}
		if len(all) > 1 && objects > 0 {
			return all
		}
	}
	return [][]byte{text}
}

// isEvent reports whether text is a CloudEvent in JSON, or means to be one.
func isEvent(text []byte) bool {
	var event struct {
		SpecVersion string `json:"specversion"`
	}
	return json.Unmarshal(text, &event) == nil && event.SpecVersion != ""
}

func record(topic string, text []byte) *kgo.Record {
	var event struct {
		PartitionKey string `json:"partitionkey"`
	}
	if isEvent(text) {
		_ = json.Unmarshal(text, &event) // a key that is no text is none
		return shared.Row{Topic: topic, Key: event.PartitionKey, Text: string(text)}.Record(context.Background())
	}
	return &kgo.Record{Topic: topic, Value: bytes.TrimRight(text, "\n")}
}
