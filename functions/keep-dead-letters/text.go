package main

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// utf8Text is text without control characters, which PostgreSQL and terminals
// do not take. Bytes that are not UTF-8 are Latin-1: Knative's source sends
// each character up to U+00FF as one byte.
func utf8Text(text string) string {
	if !utf8.ValidString(text) {
		latin1 := make([]rune, len(text))
		for i := range len(text) {
			latin1[i] = rune(text[i])
		}
		text = string(latin1)
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// reason is why the event was given up: the answer in encoded, which is its
// first 1,024 bytes in Base64, or of a problem in JSON what it says. It is
// printable text of one line and at most 1,024 bytes.
func reason(encoded string) string {
	answer, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		answer = []byte(encoded) // what it is instead may still tell something
	}
	var p problem
	text := string(answer)
	if json.Unmarshal(answer, &p) == nil && (p.Detail != "" || len(p.Errors) > 0) {
		text = p.String()
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return utf8.RuneError
	}, text)
	return strings.TrimSpace(strings.ToValidUTF8(text[:min(len(text), 1024)], "")) // cuts no character in two
}

// problem is the part of RFC 9457's JSON that tells why.
type problem struct {
	Detail string `json:"detail"`
	Errors []struct {
		Field  string `json:"field"`
		Reason string `json:"reason"`
	} `json:"errors"`
}

// String is "detail: field reason; field reason".
func (p problem) String() string {
	of := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		of[i] = e.Field + " " + e.Reason
	}
	if p.Detail == "" || len(of) == 0 {
		return p.Detail + strings.Join(of, "; ")
	}
	return p.Detail + ": " + strings.Join(of, "; ")
}
