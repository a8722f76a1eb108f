// Package dlq reads the dead letters that keep-dead-letters keeps in SQL, and
// takes them out once they are done with.
package dlq

import (
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// Letter is one dead letter.
type Letter struct {
	Key      string    `json:"key"`      // of its row
	Function string    `json:"function"` // that did not take it, "" where that is not known
	Dest     string    `json:"dest"`     // its URL
	Reason   string    `json:"reason"`   // what it answered, in one line
	Code     string    `json:"code"`     // its status, "" without an answer
	Event    string    `json:"event"`
	Source   string    `json:"source"`
	Type     string    `json:"type"`
	Died     time.Time `json:"died"`
	// Redrives is how often it was sent again in vain, Redriven when last.
	Redrives int       `json:"redrives"`
	Redriven time.Time `json:"redriven,omitzero"`
	// Attributes are all as they were at the dead letter sink, those of the
	// error included. They and Data are read by Find alone.
	Attributes map[string]string `json:"attributes,omitempty"`
	Data       []byte            `json:"data,omitempty"`
}

// functionOf is the function that a destination names.
func functionOf(dest string) string {
	u, err := url.Parse(dest)
	if err != nil {
		return ""
	}
	name, _, _ := strings.Cut(u.Hostname(), ".")
	return name
}

// errorAttributes are what a source adds about the failure.
var errorAttributes = []string{"knativeerrordest", "knativeerrorcode", "knativeerrordata"}

// Original are the attributes that the event had before it died. What the
// function itself added by Kne- headers is not told apart, and stays.
func (l Letter) Original() map[string]string {
	out := make(map[string]string, len(l.Attributes))
	for name, value := range l.Attributes {
		out[name] = value
	}
	for _, name := range errorAttributes {
		delete(out, name)
	}
	return out
}

// Answer is what the function answered, its first 1,024 bytes.
func (l Letter) Answer() string {
	text, err := base64.StdEncoding.DecodeString(l.Attributes["knativeerrordata"])
	if err != nil {
		return l.Attributes["knativeerrordata"]
	}
	return string(text)
}
