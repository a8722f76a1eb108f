package shared_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/go-jose/go-jose/v4"

	"somssi/shared"
	"somssi/shared/eventtest/seeds"
)

// talent is what a request of these tests asks for.
type talent struct {
	Title    string   `json:"title"`
	PriceKrw int64    `json:"priceKrw"`
	Tags     []string `json:"tags"`
	At       struct {
		Place string `json:"place"`
	} `json:"at"`
}

func TestReadJSON(t *testing.T) {
	t.Parallel()
	const json = "application/json"
	for _, tc := range []struct {
		name, media, body string
		status            int
		field, reason     string
	}{
		{"good", json, `{"title":"솜씨","priceKrw":1000,"tags":["a"]}`, 0, "", ""},
		{"good_with_a_parameter", "Application/JSON; charset=utf-8", `{"title":"솜씨"}`, 0, "", ""},
		{"good_of_32_KiB", json, `{"title":"` + strings.Repeat("x", 32<<10-12) + `"}`, 0, "", ""},
		{"32_KiB_and_1", json, `{"title":"` + strings.Repeat("x", 32<<10-11) + `"}`, 413, "", "larger than 32768 bytes"},
		{"unknown_field", json, `{"title":"s3cret","discount":5}`, 422, "discount", "is not known"},
		{"unknown_field_inside", json, `{"at":{"s":"s3cret"}}`, 422, "at.s", "is not known"},
		{"wrong_case", json, `{"Title":"s3cret"}`, 422, "Title", "is not known"},
		{"wrong_type", json, `{"title":{"s3cret":1}}`, 422, "title", "must be of type string"},
		{"wrong_type_inside_a_list", json, `{"tags":["s3cret",7]}`, 422, "tags.1", "must be of type string"},
		{"text_for_an_integer", json, `{"priceKrw":"5551234"}`, 422, "priceKrw", "must be of type int64"},
		{"float_for_an_integer", json, `{"priceKrw":5551234.5}`, 422, "priceKrw", "must be of type int64"},
		{"zero_fraction", json, `{"priceKrw":5551234.0}`, 422, "priceKrw", "must be of type int64"},
		{"exponent", json, `{"priceKrw":5551234e0}`, 422, "priceKrw", "must be of type int64"},
		{"1e400", json, `{"priceKrw":1e400}`, 422, "priceKrw", "must be of type int64"},
		{"too_large_an_integer", json, `{"priceKrw":9223372036854775808}`, 422, "priceKrw", "must be of type int64"},
		{"a_list", json, `["s3cret"]`, 400, "", "must be of type"},
		{"duplicate", json, `{"title":"s3cret","title":"s3cret"}`, 400, "", "read in one way only"},
		{"trailing", json, `{"title":"s3cret"}x`, 400, "", "read in one way only"},
		{"cut", json, `{"title":"s3cret`, 400, "", "read in one way only"},
		{"empty", json, ``, 400, "", "read in one way only"},
		{"not_UTF-8", json, "{\"title\":\"s3cret\xff\"}", 400, "", "read in one way only"},
		{"lone_surrogate", json, `{"title":"s3cret\ud800"}`, 400, "", "read in one way only"},
		{"BOM", json, "\ufeff{}", 400, "", "read in one way only"},
		{"no_content_type", "", `{}`, 415, "", "Content-Type must be application/json"},
		{"form", "application/x-www-form-urlencoded", `{}`, 415, "", "Content-Type must be application/json"},
		{"text", "text/plain", `{}`, 415, "", "Content-Type must be application/json"},
		{"two_types", json + ", text/plain", `{}`, 415, "", "Content-Type must be application/json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.media)
			w := httptest.NewRecorder()
			var got talent
			answer := shared.Answer(func(w http.ResponseWriter, r *http.Request) error { return shared.ReadJSON(w, r, &got) })

			answer(w, r)

			if tc.status == 0 {
				if w.Body.Len() != 0 || got.Title == "" {
					t.Errorf("refused: %s", w.Body)
				}
				return
			}
			p := problem(t, w)
			reason := p.Detail
			if tc.field != "" {
				if len(p.Errors) != 1 || p.Errors[0].Field != tc.field {
					t.Fatalf("fields %v, want %s", p.Errors, tc.field)
				}
				reason = p.Errors[0].Reason
			}
			if w.Code != tc.status || p.Status != tc.status || !strings.Contains(reason, tc.reason) {
				t.Errorf("answered %d %s, want %d %s", w.Code, w.Body, tc.status, tc.reason)
			}
			if strings.Contains(w.Body.String(), "s3cret") || strings.Contains(w.Body.String(), "555") {
				t.Errorf("the value is told: %s", w.Body)
			}
		})
	}
}

// problem is the answer, which has to be one.
func problem(t *testing.T, w *httptest.ResponseRecorder) (p shared.Problem) {
	t.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Header().Get("Content-Type") != "application/problem+json" || p.Title == "" || p.Detail == "" {
		t.Fatalf("%v: %s %s is no problem", err, w.Header().Get("Content-Type"), w.Body)
	}
	return p
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		err    error
		status int
		body   string
	}{
		{"fine", nil, 201, `{"id":1}`},
		{"not_found", &shared.Problem{Status: 404, Detail: "no such talent"}, 404, "no such talent"},
		{"inside_another", fmt.Errorf("read: %w", &shared.Problem{Status: 409, Detail: "another version"}), 409, "another version"},
		{"invalid", shared.Invalid(shared.Field{Field: "title", Reason: "is empty"}), 422, `{"field":"title","reason":"is empty"}`},
		{"outage", errors.New("dial s3cret"), 503, "try again"},
		{"too_many", &shared.Problem{Status: 429, Detail: "5 streams are open"}, 429, "5 streams"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			shared.Answer(func(w http.ResponseWriter, r *http.Request) error {
				if end, ok := r.Context().Deadline(); !ok || time.Until(end) > 5*time.Second {
					t.Errorf("the context ends at %v", end)
				}
				if tc.err == nil {
					shared.WriteJSON(w, 201, map[string]int{"id": 1})
				}
				return tc.err
			})(w, httptest.NewRequest("GET", "/", nil))
			if w.Code != tc.status || !strings.Contains(w.Body.String(), tc.body) || strings.Contains(w.Body.String(), "s3cret") || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("answered %d %s %v", w.Code, w.Body, w.Header())
			}
			if tc.err != nil {
				problem(t, w)
			}
			if got := w.Header().Get("Retry-After"); (got == "1") != (tc.status == 503 || tc.status == 429) {
				t.Errorf("%d with Retry-After %q", tc.status, got)
			}
		})
	}
	if err := shared.Invalid(); err != nil {
		t.Errorf("Invalid of no field is %v", err)
	}
}

// claims is a good token's, with changes.
func claims(issuer string, change map[string]any) string {
	all := map[string]any{"iss": issuer, "aud": "somssi", "sub": "42", "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range change {
		all[name] = value
	}
	text, _ := json.Marshal(all)
	return string(text)
}

// unsigned is a token with any header, claims and signature.
func unsigned(header, claims, signature string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64([]byte(signature))
}

// issuer is one with a key of each kind, and users who trust it.
func issuer(t *testing.T) (url string, rsaKey *rsa.PrivateKey, ecKey *ecdsa.PrivateKey, users shared.Users) {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: rsaKey.Public(), KeyID: "r", Algorithm: oidc.RS256}, {PublicKey: ecKey.Public(), KeyID: "e", Algorithm: oidc.ES256}}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.SetIssuer(server.URL)
	t.Setenv("OIDC_ISSUER", server.URL)
	t.Setenv("OIDC_AUDIENCE", "somssi")
	return server.URL, rsaKey, ecKey, shared.OpenUsers()
}

func TestUsers(t *testing.T) {
	url, rsaKey, ecKey, users := issuer(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(rsaKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	signed := func(change map[string]any) string {
		return oidctest.SignIDToken(ecKey, "e", oidc.ES256, claims(url, change))
	}
	hmac := func(secret []byte) string { return hs256(t, secret, claims(url, nil)) }
	good := signed(nil)
	parts := strings.Split(good, ".")
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	cookie := func(lines ...string) http.Header { return http.Header{"Cookie": lines} }
	for name, tc := range map[string]struct {
		header http.Header
		want   int64
	}{
		"good by header":                {bearer(good), 42},
		"good by cookie":                {cookie("session=" + good), 42},
		"good by RS256":                 {bearer(oidctest.SignIDToken(rsaKey, "r", oidc.RS256, claims(url, nil))), 42},
		"good among audiences":          {bearer(signed(map[string]any{"aud": []string{"other", "somssi"}})), 42},
		"good with another cookie":      {cookie("theme=dark; session=" + good), 42},
		"good cookie, other credential": {http.Header{"Authorization": {"Basic eDp5"}, "Cookie": {"session=" + good}}, 42},
		"the largest user":              {bearer(signed(map[string]any{"sub": "9223372036854775807"})), 9223372036854775807},

		"none":                          {http.Header{}, 0},
		"empty bearer":                  {bearer(""), 0},
		"empty cookie":                  {cookie("session="), 0},
		"garbage":                       {bearer("garbage"), 0},
		"three parts of garbage":        {bearer("a.b.c"), 0},
		"a megabyte":                    {bearer(strings.Repeat("a", 1<<20)), 0},
		"by Basic":                      {http.Header{"Authorization": {"Basic " + good}}, 0},
		"bad header before good cookie": {http.Header{"Authorization": {"Bearer garbage"}, "Cookie": {"session=" + good}}, 0},
		"two cookies, good first":       {cookie("session=" + good + "; session=garbage"), 0},
		"two cookies, good last":        {cookie("session=garbage; session=" + good), 0},
		"two cookies in two lines":      {cookie("session="+good, "session="+good), 0},
		"another cookie":                {cookie("token=" + good), 0},
		"alg none":                      {bearer(unsigned(`{"alg":"none"}`, claims(url, nil), "")), 0},
		"alg None":                      {bearer(unsigned(`{"alg":"None","kid":"e"}`, claims(url, nil), "x")), 0},
		"no alg":                        {bearer(unsigned(`{"kid":"e"}`, claims(url, nil), "x")), 0},
		"HS256 by the public PEM":       {bearer(hmac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))), 0},
		"HS256 by the public DER":       {bearer(hmac(der)), 0},
		"HS256 by nothing much":         {bearer(hmac(make([]byte, 32))), 0},
		"another's key":                 {bearer(oidctest.SignIDToken(other, "e", oidc.ES256, claims(url, nil))), 0},
		"another's key, unknown kid":    {bearer(oidctest.SignIDToken(other, "x", oidc.ES256, claims(url, nil))), 0},
		"another's key, brought along":  {bearer(unsigned(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256"},"jku":"http://127.0.0.1:1/","kid":"../e"}`, claims(url, nil), strings.Repeat("x", 64))), 0},
		"kid of the other key":          {bearer(oidctest.SignIDToken(ecKey, "r", oidc.ES256, claims(url, nil))), 0},
		"a weaker algorithm's name":     {bearer(oidctest.SignIDToken(rsaKey, "r", oidc.PS256, claims(url, nil))), 0},
		"signature cut":                 {bearer(good[:len(good)-4]), 0},
		"signature of zeros":            {bearer(unsigned(`{"alg":"ES256","kid":"e"}`, claims(url, nil), strings.Repeat("\x00", 64))), 0},
		"claims changed":                {bearer(parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims(url, map[string]any{"sub": "1"}))) + "." + parts[2]), 0},
		"another issuer":                {bearer(signed(map[string]any{"iss": "http://127.0.0.1:1"})), 0},
		"the issuer with a slash":       {bearer(signed(map[string]any{"iss": url + "/"})), 0},
		"no issuer":                     {bearer(signed(map[string]any{"iss": ""})), 0},
		"another audience":              {bearer(signed(map[string]any{"aud": "somssi-admin"})), 0},
		"no audience":                   {bearer(signed(map[string]any{"aud": []string{}})), 0},
		"expired":                       {bearer(signed(map[string]any{"exp": time.Now().Add(-time.Minute).Unix()})), 0},
		"no expiry":                     {bearer(signed(map[string]any{"exp": nil})), 0},
		"not yet":                       {bearer(signed(map[string]any{"nbf": time.Now().Add(10 * time.Minute).Unix()})), 0},
		"no subject":                    {bearer(signed(map[string]any{"sub": nil})), 0},
		"subject empty":                 {bearer(signed(map[string]any{"sub": ""})), 0},
		"subject 0":                     {bearer(signed(map[string]any{"sub": "0"})), 0},
		"subject negative":              {bearer(signed(map[string]any{"sub": "-42"})), 0},
		"subject 1e3":                   {bearer(signed(map[string]any{"sub": "1e3"})), 0},
		"subject with a blank":          {bearer(signed(map[string]any{"sub": " 42"})), 0},
		"subject with a sign":           {bearer(signed(map[string]any{"sub": "+42"})), 0},
		"subject with a zero":           {bearer(signed(map[string]any{"sub": "042"})), 0},
		"subject in other digits":       {bearer(signed(map[string]any{"sub": "４２"})), 0},
		"subject too large":             {bearer(signed(map[string]any{"sub": "9223372036854775808"})), 0},
		"subject a number":              {bearer(signed(map[string]any{"sub": 42})), 0},
		"subject a name":                {bearer(signed(map[string]any{"sub": "admin"})), 0},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = tc.header
		got, err := users.Of(r)
		if got != tc.want || (err == nil) != (tc.want > 0) {
			t.Errorf("%s: user %d, %v", name, got, err)
		}
		if p := new(shared.Problem); err != nil && (!errors.As(err, &p) || p.Status != 401 || strings.Contains(p.Detail, "42")) {
			t.Errorf("%s: %v, want 401", name, err)
		}
	}
}

// hs256 is a token signed with a shared secret.
func hs256(t *testing.T, secret []byte, claims string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, (&jose.SignerOptions{}).WithHeader("kid", "r"))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign([]byte(claims))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func FuzzReadJSON(f *testing.F) {
	for _, body := range []string{`{"title":"솜씨","priceKrw":1000,"tags":["a"],"at":{"place":"Seoul"}}`, `{"title":1}`, `{"Title":""}`, `{"title":"","title":""}`, `{}x`, ``, `null`, "{\"title\":\"\xff\"}",
		`{"title":"\ud800"}`, `{"priceKrw":1.0}`, `{"priceKrw":1e400}`, `{"priceKrw":9223372036854775808}`, `{"tags":[null,{}]}`, `{"at":{"a/b~c":1}}`, "\ufeff{}", strings.Repeat("[", 20000), `{"":1}`} {
		f.Add([]byte(body))
	}
	for _, text := range seeds.Of(f, "EFG") {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(context.Background(), "POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		var got talent
		shared.Answer(func(w http.ResponseWriter, r *http.Request) error {
			if err := shared.ReadJSON(w, r, &got); err != nil {
				return err
			}
			shared.WriteJSON(w, 200, got)
			return nil
		})(w, r)
		if text, _ := io.ReadAll(w.Body); w.Code != 200 && w.Code != 400 && w.Code != 413 && w.Code != 422 || !json.Valid(text) {
			t.Fatalf("answered %d %s", w.Code, text)
		}
	})
}
