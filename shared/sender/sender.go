// Package sender tells by the OIDC token that Knative gives each source (its feature authentication-oidc) who sends.
package sender

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Senders are those who may send events to this function; nil lets everybody.
type Senders struct {
	issuer   string
	config   *oidc.Config
	subjects []string
	client   *http.Client
	keys     atomic.Pointer[map[string][]crypto.PublicKey] // by id, as loaded last, which count while the issuer is down; nil before
	mu       sync.Mutex                                    // of loading for a key that is not known
	asked    time.Time                                     // when that was
}

// Open reads $SENDER_ISSUER, $SENDER_AUDIENCE, which is this function's own, $SENDER_SUBJECTS, its senders with commas between,
// and $SENDER_ACCESS, see access. Without them it is nil. It loads the issuer's keys in the background until ctx ends.
func Open(ctx context.Context) (*Senders, error) {
	issuer, audience, subjects := os.Getenv("SENDER_ISSUER"), os.Getenv("SENDER_AUDIENCE"), os.Getenv("SENDER_SUBJECTS")
	if issuer+audience+subjects == "" {
		return nil, nil
	}
	if issuer == "" || audience == "" || subjects == "" {
		return nil, errors.New("SENDER_ISSUER, SENDER_AUDIENCE and SENDER_SUBJECTS: set all of them, or none to let everybody send")
	}
	client, err := access(os.Getenv("SENDER_ACCESS"))
	if err != nil {
		return nil, fmt.Errorf("read what SENDER_ACCESS names: %w", err)
	}
	s := &Senders{issuer: issuer, subjects: strings.Split(subjects, ","), client: client}
	s.config = &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}}
	go s.keep(ctx)
	return s, nil
}

// Ready answers 200 once the issuer's keys were loaded, 503 before.
func (s *Senders) Ready(w http.ResponseWriter, _ *http.Request) {
	if s != nil && s.keys.Load() == nil {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// Door is next for those who may send, and for all others refuse, with a status and why. That is 503 where it is not known whether a
// token is good, which Knative sends again, and not 401, with which an event is a dead letter at once.
func (s *Senders) Door(next http.Handler, refuse func(w http.ResponseWriter, r *http.Request, status int, why string)) http.Handler {
	if s == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch status, why := s.check(r); status {
		case http.StatusOK:
			next.ServeHTTP(w, r)
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", "Bearer")
			fallthrough
		default:
			refuse(w, r, status, why)
		}
	})
}

func (s *Senders) check(r *http.Request) (status int, why string) {
	const no = "the OIDC token of a Knative source is required: switch authentication-oidc on, and apply sink.audience as rendered"
	raw, isBearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !isBearer || len(r.Header["Authorization"]) > 1 || len(raw) > 8<<10 { // those of Kubernetes have 1 KiB
		return http.StatusUnauthorized, no
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil { // it quotes the token, as the one below does
		return http.StatusUnauthorized, no
	}
	keys, err := s.find(signed.Signatures[0].Header.KeyID)
	if err != nil {
		return http.StatusServiceUnavailable, "the keys of the token's issuer are not known; try again"
	}
	token, err := oidc.NewVerifier(s.issuer, &oidc.StaticKeySet{PublicKeys: keys}, s.config).Verify(r.Context(), raw)
	if err != nil {
		return http.StatusUnauthorized, no
	}
	if !slices.Contains(s.subjects, token.Subject) {
		return http.StatusForbidden, "this source is none of the function's in template.yaml: add it there as a trigger, and render"
	}
	return http.StatusOK, ""
}
