package sender

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"
	"golang.org/x/oauth2"
)

// find is the keys of an id. It asks the issuer for one that is not known, at most once a minute. Until it may, and where the issuer
// does not answer, that is an error: the key may be new, and whoever sends ids that he made up must not keep it from being found.
func (s *Senders) find(id string) ([]crypto.PublicKey, error) {
	if found := s.of(id); found != nil {
		return found, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.of(id); found != nil { // loaded meanwhile
		return found, nil
	}
	if time.Since(s.asked) < time.Minute {
		return nil, errors.New("the issuer was asked a moment ago")
	}
	s.asked = time.Now()
	err := s.load()
	return s.of(id), err
}

func (s *Senders) of(id string) []crypto.PublicKey {
	if all := s.keys.Load(); all != nil {
		return (*all)[id]
	}
	return nil
}

// keep loads the keys every ten minutes, after which one that the issuer took back counts no more, and sooner where that failed.
func (s *Senders) keep(ctx context.Context) {
	for {
		wait := 10 * time.Minute
		if err := s.load(); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("no new keys to know senders by")
			if wait = time.Minute; s.keys.Load() == nil {
				wait = time.Second
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

func (s *Senders) load() error {
	ctx := oidc.ClientContext(context.Background(), s.client) // not the request's, which its sender may end
	provider, err := oidc.NewProvider(ctx, s.issuer)
	if err != nil {
		return fmt.Errorf("discover the issuer %s: %w", s.issuer, err)
	}
	var document struct {
		Keys string `json:"jwks_uri"`
	}
	_ = provider.Claims(&document) // was read as JSON a moment ago
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, document.Keys, http.NoBody)
	if err != nil {
		return fmt.Errorf("load the keys of %s: %w", s.issuer, err)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("load the keys of %s: %w", s.issuer, err)
	}
	defer func() { _ = answer.Body.Close() }()
	var set jose.JSONWebKeySet
	if json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&set) != nil || len(set.Keys) == 0 {
		return fmt.Errorf("load the keys of %s: %s answers %s, without any", s.issuer, document.Keys, answer.Status)
	}
	all := map[string][]crypto.PublicKey{}
	for _, key := range set.Keys {
		all[key.KeyID] = append(all[key.KeyID], key.Key)
	}
	s.keys.Store(&all)
	return nil
}

// access reads an issuer with the CA and the token that are in a folder, as Kubernetes mounts them, ca.crt and token: its API server
// tells its keys to nobody else. Without a folder it reads one that tells them to everybody.
func access(folder string) (*http.Client, error) {
	if folder == "" {
		return &http.Client{Timeout: 5 * time.Second}, nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "ca.crt"))
	if err != nil {
		return nil, err
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, errors.New("ca.crt has no certificate")
	}
	server := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities, MinVersion: tls.VersionTLS12}}
	return &http.Client{Timeout: 5 * time.Second, Transport: &oauth2.Transport{Source: file(filepath.Join(folder, "token")), Base: server}}, nil
}

// file has a token, which Kubernetes replaces before it ends.
type file string

// Token is the token that the file has now.
func (f file) Token() (*oauth2.Token, error) {
	text, err := os.ReadFile(string(f))
	return &oauth2.Token{AccessToken: strings.TrimSpace(string(text))}, err
}
