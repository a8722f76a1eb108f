// Package issuer is an OpenID Connect issuer for development: functions verify
// its tokens as they verify those of a real one, so that none needs a bypass.
package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"somssi/shared"
)

// lifetime of a token: a working day, since the page does not renew it.
const lifetime = 12 * time.Hour

// Issuer gives a token to whoever asks: of its routes only those of Public may be reached from elsewhere.
type Issuer struct {
	url, audience string
	key           jose.SigningKey
	public        jose.JSONWebKeySet

	mu   sync.Mutex
	sent map[[2]string]sent // by subject and audience
}

// Open is the issuer at url, with its key in dir, where it is made at the first
// start and kept, so that tokens outlive a restart.
func Open(dir, url, audience string) (*Issuer, error) {
	private, err := loadKey(filepath.Join(dir, "issuer.key"))
	if err != nil {
		return nil, fmt.Errorf("open the development issuer's key: %w", err)
	}
	web := jose.JSONWebKey{Key: private, KeyID: "dev", Algorithm: string(jose.ES256), Use: "sig"}
	return &Issuer{
		url: url, audience: audience,
		key:    jose.SigningKey{Algorithm: jose.ES256, Key: web},
		public: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{web.Public()}},
		sent:   map[[2]string]sent{},
	}, nil
}

func loadKey(file string) (*ecdsa.PrivateKey, error) {
	der, err := os.ReadFile(file)
	if err == nil {
		return x509.ParseECPrivateKey(der)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if der, err = x509.MarshalECPrivateKey(key); err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, der, 0o600)
}

// Token is a token for user, valid for 12 h.
func (i *Issuer) Token(user int64) (string, error) {
	return i.sign(strconv.FormatInt(user, 10), i.audience, lifetime)
}

// Sender is a token by which a function of that audience knows a source, valid for
// 5 min at least. As Knative does it gives the same one for most of an hour.
func (i *Issuer) Sender(subject, audience string) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	key := [2]string{subject, audience}
	if old := i.sent[key]; time.Until(old.ends) > 5*time.Minute {
		return old.token, nil
	}
	token, err := i.sign(subject, audience, time.Hour)
	if err == nil {
		i.sent[key] = sent{token, time.Now().Add(time.Hour)}
	}
	return token, err
}

type sent struct {
	token string
	ends  time.Time
}

func (i *Issuer) sign(subject, audience string, lifetime time.Duration) (string, error) {
	signer, err := jose.NewSigner(i.key, nil)
	if err != nil {
		return "", err
	}
	now := time.Now()
	return jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: i.url, Audience: jwt.Audience{audience}, Subject: subject,
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(lifetime)),
	}).Serialize()
}

// Public are the routes by which tokens are verified: the discovery document and
// the keys. Whoever reaches them can do no harm.
func (i *Issuer) Public(mux *http.ServeMux) {
	mux.HandleFunc("GET /dev/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		shared.WriteJSON(w, http.StatusOK, map[string]any{
			"issuer": i.url, "jwks_uri": i.url + "/keys", "token_endpoint": i.url + "/token", "authorization_endpoint": i.url + "/token",
			"id_token_signing_alg_values_supported": []string{string(jose.ES256)},
			"response_types_supported":              []string{"id_token"}, "subject_types_supported": []string{"public"},
		})
	})
	mux.HandleFunc("GET /dev/keys", func(w http.ResponseWriter, _ *http.Request) { shared.WriteJSON(w, http.StatusOK, i.public) })
}

// Routes are those of Public, and POST /dev/token {"user":42}, which answers
// {"token":…} and sets the cookie session.
func (i *Issuer) Routes(mux *http.ServeMux) {
	i.Public(mux)
	mux.HandleFunc("POST /dev/token", shared.Answer(func(w http.ResponseWriter, r *http.Request) error {
		var body struct {
			User int64 `json:"user"`
		}
		if err := shared.ReadJSON(w, r, &body); err != nil {
			return err
		}
		if body.User < 1 {
			return shared.Invalid(shared.Field{Field: "user", Reason: "must be a positive integer"})
		}
		token, err := i.Token(body.User)
		if err != nil {
			return fmt.Errorf("sign a token: %w", err)
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(lifetime.Seconds())})
		shared.WriteJSON(w, http.StatusOK, map[string]string{"token": token})
		return nil
	}))
}
