package corpus

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// forged is a token by hand, since no library would write what is in it. It is a
// good one of user 42 but for what is said; null takes something away.
type forged struct {
	Header map[string]any
	Claims map[string]any
	In     map[string]int64 // seconds from now
	Sign   string           // another key, public key, empty key, nothing
	Mangle string
}

func segment(v any) string {
	text, _ := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(text)
}

func merged(base, over map[string]any) map[string]any {
	for name, value := range over {
		if base[name] = value; value == nil {
			delete(base, name)
		}
	}
	return base
}

func (h *house) forge(t *testing.T, f forged) string {
	t.Helper()
	now, issuer := time.Now().Unix(), h.Run.Env["OIDC_ISSUER"]
	key := h.key
	if f.Sign == "another key" {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	claims := merged(map[string]any{"iss": issuer, "aud": "somssi", "sub": "42", "iat": now, "exp": now + 3600}, f.Claims)
	if claims["iss"] == "$issuer/" {
		claims["iss"] = issuer + "/"
	}
	if claims["x"] == "$8KiB" {
		claims["x"] = strings.Repeat("x", 8<<10)
	}
	for name, seconds := range f.In {
		claims[name] = now + seconds
	}
	header := merged(map[string]any{"alg": "ES256", "kid": "dev", "typ": "JWT"}, f.Header)
	if header["jwk"] == "$another" {
		header["jwk"] = jose.JSONWebKey{Key: &key.PublicKey}
	}
	parts := []string{segment(header), segment(claims), ""}
	parts[2] = h.sign(t, f, key, parts[0]+"."+parts[1])
	return mangle(f.Mangle, parts)
}

func (h *house) sign(t *testing.T, f forged, key *ecdsa.PrivateKey, text string) string {
	t.Helper()
	secret := []byte(nil)
	switch f.Sign {
	case "nothing":
		return ""
	case "public key":
		var err error
		if secret, err = x509.MarshalPKIXPublicKey(&h.key.PublicKey); err != nil {
			t.Fatal(err)
		}
		fallthrough
	case "empty key":
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	both := make([]byte, 64)
	r.FillBytes(both[:32])
	s.FillBytes(both[32:])
	return base64.RawURLEncoding.EncodeToString(both)
}

func mangle(how string, p []string) string {
	switch how {
	case "no signature":
		return p[0] + "." + p[1]
	case "empty signature":
		p[2] = ""
	case "cut signature":
		p[2] = p[2][:len(p[2])/2]
	case "zero signature":
		p[2] = base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	case "other claims":
		p[1] = segment(map[string]any{"sub": "1"})
	case "no JSON":
		p[1] = base64.RawURLEncoding.EncodeToString([]byte("word"))
	case "padding":
		p[1] += "="
	case "list":
		p[1] = segment([]int{1})
	case "..":
		p = []string{"", "", ""}
	case "five parts":
		p = append(p, p[1], p[2])
	case "JSON form":
		return fmt.Sprintf(`{"protected":"%s","payload":"%s","signature":"%s"}`, p[0], p[1], p[2])
	}
	return strings.Join(p, ".")
}
