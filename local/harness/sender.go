package harness

import (
	"fmt"
	"maps"
	"net/http"
	"strings"

	"somssi/local/issuer"
	"somssi/local/manifest"
	"somssi/local/template"
)

// sender reaches functions as a source does, with a token of its own for each
// where template.yaml has sources send them.
type sender struct {
	to      http.RoundTripper
	tokens  *issuer.Issuer
	subject string
	house   *template.Template
}

// as is how a sender of that subject reaches the functions.
func (h *Harness) as(subject string) http.RoundTripper {
	if h.house.Sender.Tokens == template.TokensNone || subject == "" {
		return h.functions
	}
	return sender{h.functions, h.issuer, subject, h.house}
}

// anySender is as one that may send to a function.
func (h *Harness) anySender(function string) http.RoundTripper {
	return h.as(append(manifest.Senders(h.house, function), "")[0])
}

// RoundTrip leaves the request's own headers as they are, which its retries share.
func (s sender) RoundTrip(r *http.Request) (*http.Response, error) {
	function, _, _ := strings.Cut(r.URL.Host, ".")
	token, err := s.tokens.Sender(s.subject, manifest.Sink(s.house, function).Audience)
	if err != nil {
		return nil, fmt.Errorf("sign a token of %s: %w", s.subject, err)
	}
	signed := *r
	if signed.Header = maps.Clone(r.Header); signed.Header == nil {
		signed.Header = http.Header{}
	}
	signed.Header.Set("Authorization", "Bearer "+token)
	return s.to.RoundTrip(&signed)
}
