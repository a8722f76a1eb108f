package sender_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/hlog"

	"somssi/shared"
	"somssi/shared/sender"
)

const (
	url      = "https://kubernetes.default.svc.cluster.local"
	audience = "serving.knative.dev/service/shop/update-stats"
	talents  = "system:serviceaccount:shop:update-stats-talents-oidc-sources.knative.dev-kafkasource"
	sweep    = "system:serviceaccount:shop:update-stats-sweep-oidc-sources.knative.dev-pingsource"
)

// house is an issuer and a function that asks it, on a network in memory: in a bubble of synctest, whose clock moves
// only when all wait.
type house struct {
	t      *testing.T
	mu     sync.Mutex
	keys   map[string]crypto.Signer // that the issuer tells of, by id
	down   atomic.Bool
	loads  atomic.Int32
	door   http.Handler
	ready  http.HandlerFunc
	said   words // the function's log
	passed int   // requests
}

var (
	rsaKey  = made(rsa.GenerateKey(rand.Reader, 2048))
	ecKey   = made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	nextKey = made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	strange = made(rsa.GenerateKey(rand.Reader, 2048))
)

func made[K any](key K, err error) K {
	if err != nil {
		panic(err)
	}
	return key
}

// words is a log that is read while it is written.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(text)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *words) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Reset()
}

func (h *house) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		fmt.Fprintf(w, `{"issuer": %q, "jwks_uri": %q}`, url, url+"/openid/v1/jwks")
		return
	}
	h.loads.Add(1)
	var set jose.JSONWebKeySet
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, key := range h.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id, Use: "sig"})
	}
	_ = json.NewEncoder(w).Encode(set)
}

// tell has the issuer tell of other keys.
func (h *house) tell(keys map[string]crypto.Signer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keys = keys
}

// inBubble runs a test of a function whose issuer may be down when it starts.
func inBubble(t *testing.T, down bool, test func(t *testing.T, h *house)) {
	t.Setenv("SENDER_ISSUER", url)
	t.Setenv("SENDER_AUDIENCE", audience)
	t.Setenv("SENDER_SUBJECTS", talents+","+sweep)
	h := &house{keys: map[string]crypto.Signer{"rsa": rsaKey, "ec": ecKey}}
	h.down.Store(down)
	was := http.DefaultTransport
	http.DefaultTransport = &http.Transport{DisableKeepAlives: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() { _ = http.Serve(&once{conn: far}, h) }()
		return near, nil
	}}
	t.Cleanup(func() { http.DefaultTransport = was })
	synctest.Test(t, func(t *testing.T) {
		h.t = t
		logger := zerolog.New(&h.said)
		senders, err := sender.Open(logger.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		h.ready = senders.Ready
		passed := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { h.passed++; w.WriteHeader(http.StatusNoContent) })
		h.door = hlog.NewHandler(logger)(hlog.AccessHandler(func(r *http.Request, _, _ int, _ time.Duration) { zerolog.Ctx(r.Context()).Info().Send() })(
			senders.Door(passed, func(w http.ResponseWriter, r *http.Request, status int, why string) {
				shared.Fail(w, r, &shared.Problem{Status: status, Detail: why})
			})))
		synctest.Wait() // until the keys were loaded, or could not be
		test(t, h)
	})
}

// The API server tells its keys to whoever has a token of the pod's, and is known by the CA of the cluster.
func TestOpen_access(t *testing.T) {
	h := &house{t: t, keys: map[string]crypto.Signer{"rsa": rsaKey}}
	asked := make(chan string, 100)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked <- r.Header.Get("Authorization"); r.Header.Get("Authorization") != "Bearer of the pod" {
			w.WriteHeader(http.StatusUnauthorized)
		} else if strings.HasPrefix(r.URL.Path, "/.well-known/") {
			fmt.Fprintf(w, `{"issuer": %[1]q, "jwks_uri": "%[1]s/keys"}`, "https://"+r.Host)
		} else {
			h.ServeHTTP(w, r)
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	t.Setenv("SENDER_ISSUER", server.URL)
	t.Setenv("SENDER_AUDIENCE", audience)
	t.Setenv("SENDER_SUBJECTS", talents)
	write := func(ca []byte) {
		folder := t.TempDir()
		t.Setenv("SENDER_ACCESS", folder)
		for name, text := range map[string][]byte{"ca.crt": ca, "token": []byte("of the pod\n")} {
			if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	senders, err := sender.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the document, the keys
		if got := <-asked; got != "Bearer of the pod" {
			t.Errorf("asked with %q", got)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		w := httptest.NewRecorder()
		if senders.Ready(w, nil); w.Code == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("not ready")
		}
	}

	write([]byte("none"))
	if _, err := sender.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "SENDER_ACCESS") || !strings.Contains(err.Error(), "ca.crt has no certificate") {
		t.Errorf("a CA that is none: %v", err)
	}
	t.Setenv("SENDER_ACCESS", "/nowhere")
	if _, err := sender.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "/nowhere/ca.crt") {
		t.Errorf("no CA: %v", err)
	}
}

// An issuer with a certificate of a CA that is not the cluster's is not asked, and is not told the token.
func TestOpen_wrong_CA(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was asked") }))
	refused := make(chan string, 100)
	server.Config.ErrorLog = log.New(writer(func(text string) { refused <- text }), "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	other := made(x509.CreateCertificate(rand.Reader, ca, ca, ecKey.Public(), ecKey))
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ca.crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "token"), []byte("of the pod"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"ISSUER": server.URL, "AUDIENCE": audience, "SUBJECTS": talents, "ACCESS": folder} {
		t.Setenv("SENDER_"+name, value)
	}
	senders, err := sender.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-refused:
	case <-time.After(time.Minute):
		t.Fatal("no handshake was refused")
	}
	w := httptest.NewRecorder()
	if senders.Ready(w, nil); w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready %d", w.Code)
	}
}

var ca = &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}

type writer func(text string)

func (w writer) Write(text []byte) (int, error) { w(string(text)); return len(text), nil }

// Some of the variables without the others would be a door that looks shut.
func TestOpen_some(t *testing.T) {
	names := []string{"SENDER_ISSUER", "SENDER_AUDIENCE", "SENDER_SUBJECTS"}
	for some := 1; some < 7; some++ {
		for i, name := range names {
			t.Setenv(name, map[bool]string{true: url}[some>>i&1 == 1])
		}
		if senders, err := sender.Open(t.Context()); err == nil || senders != nil {
			t.Errorf("%03b: %v, %v", some, senders, err)
		}
	}
	for _, name := range names {
		t.Setenv(name, "")
	}
	senders, err := sender.Open(t.Context())
	if err != nil || senders != nil {
		t.Fatal(senders, err)
	}
	w := httptest.NewRecorder()
	if senders.Ready(w, nil); w.Code != http.StatusOK {
		t.Errorf("ready %d without senders", w.Code)
	}
	if senders.Door(http.NotFoundHandler(), nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil)); w.Body.Len() == 0 {
		t.Error("the door is shut without senders")
	}
}

// once is a listener with one connection.
type once struct {
	conn net.Conn
	net.Listener
}

func (o *once) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, net.ErrClosed
	}
	conn := o.conn
	o.conn = nil
	return conn, nil
}
func (o *once) Addr() net.Addr { return &net.UnixAddr{} }
func (o *once) Close() error   { return nil }

type claims map[string]any

// claims are those of a good token, with some others: nil takes one away.
func (h *house) claims(other claims) []byte {
	now := time.Now()
	all := claims{"iss": url, "aud": []string{audience}, "sub": talents, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "nbf": now.Unix()}
	maps.Copy(all, other)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return made(json.Marshal(all))
}

type header map[jose.HeaderKey]any

// sign is a token; its header has the id of a key, and more.
func (h *house) sign(alg jose.SignatureAlgorithm, key any, id string, more header, payload []byte) string {
	options := &jose.SignerOptions{ExtraHeaders: more}
	if id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		h.t.Fatal(err)
	}
	return made(made(signer.Sign(payload)).CompactSerialize())
}

// good is a token that is let through, but for what its claims have.
func (h *house) good(other claims) string {
	return h.sign(jose.RS256, rsaKey, "rsa", nil, h.claims(other))
}

// send is the answer to a request with a token, or with what prepare gives it.
func (h *house) send(token string, prepare func(r *http.Request)) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}")), httptest.NewRecorder()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if prepare != nil {
		prepare(r)
	}
	h.door.ServeHTTP(w, r)
	return w
}

func (h *house) want(what, token string, status int) {
	h.t.Helper()
	if got := h.send(token, nil); got.Code != status {
		h.t.Errorf("%s: %d %s, want %d", what, got.Code, got.Body, status)
	}
}

func (h *house) wantReady(status int) {
	h.t.Helper()
	w := httptest.NewRecorder()
	if h.ready(w, nil); w.Code != status {
		h.t.Errorf("ready %d, want %d", w.Code, status)
	}
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forged are tokens that nobody must get in with.
var forged = []struct {
	name    string
	token   func(h *house) string
	prepare func(r *http.Request, good string) // instead of a token
	status  int
}{
	{"nothing", nil, func(*http.Request, string) {}, 401},
	{"nothing_after_the_scheme", nil, authorization("Bearer "), 401},
	{"scheme_alone", nil, authorization("Bearer"), 401},
	{"basic", nil, func(r *http.Request, good string) { r.SetBasicAuth("shop", good) }, 401},
	{"no_scheme", nil, authorization("%s"), 401},
	{"another_scheme", nil, authorization("Token %s"), 401},
	{"scheme_in_small_letters", nil, authorization("bearer %s"), 401},
	{"two_spaces", nil, authorization("Bearer  %s"), 401},
	{"tab", nil, authorization("Bearer\t%s"), 401},
	{"space_before", nil, authorization(" Bearer %s"), 401},
	{"space_after", nil, authorization("Bearer %s "), 401},
	{"space_within", nil, func(r *http.Request, good string) { r.Header.Set("Authorization", "Bearer "+good[:9]+" "+good[9:]) }, 401},
	{"two_tokens_in_one_header", nil, authorization("Bearer %[1]s, Bearer %[1]s"), 401},
	{"two_headers", nil, authorization("Bearer %s", "Bearer %s"), 401},
	{"two_headers_the_first_bad", nil, authorization("Bearer x.y.z", "Bearer %s"), 401},
	{"two_headers_the_second_bad", nil, authorization("Bearer %s", "Basic eDp5"), 401},
	{"in_the_query", nil, func(r *http.Request, good string) { r.URL.RawQuery = "access_token=" + good }, 401},
	{"in_a_cookie", nil, func(r *http.Request, good string) { r.AddCookie(&http.Cookie{Name: "session", Value: good}) }, 401},
	{"in_another_header", nil, func(r *http.Request, good string) { r.Header.Set("X-Forwarded-Authorization", "Bearer "+good) }, 401},

	{"alg_none", func(h *house) string {
		return b64(`{"alg":"none","kid":"rsa"}`) + "." + b64(string(h.claims(nil))) + "."
	}, nil, 401},
	{"alg_none_with_a_signature", func(h *house) string {
		return b64(`{"alg":"None","kid":"rsa"}`) + h.good(nil)[strings.Index(h.good(nil), "."):]
	}, nil, 401},
	{"no_alg", func(h *house) string { return b64(`{"kid":"rsa"}`) + h.good(nil)[strings.Index(h.good(nil), "."):] }, nil, 401},
	{"hs256_by_the_public_key", func(h *house) string {
		return h.sign(jose.HS256, made(x509.MarshalPKIXPublicKey(rsaKey.Public())), "rsa", nil, h.claims(nil))
	}, nil, 401},
	{"hs256_by_the_public_key_in_pem", func(h *house) string {
		return h.sign(jose.HS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: made(x509.MarshalPKIXPublicKey(rsaKey.Public()))}), "rsa", nil, h.claims(nil))
	}, nil, 401},
	{"rs512_by_the_issuer", func(h *house) string { return h.sign(jose.RS512, rsaKey, "rsa", nil, h.claims(nil)) }, nil, 401},
	{"ps256_by_the_issuer", func(h *house) string { return h.sign(jose.PS256, rsaKey, "rsa", nil, h.claims(nil)) }, nil, 401},
	{"es256_of_zeros", func(h *house) string {
		return b64(`{"alg":"ES256","kid":"ec"}`) + "." + b64(string(h.claims(nil))) + "." + b64(strings.Repeat("\x00", 64))
	}, nil, 401},
	{"es256_by_an_rsa_id", func(h *house) string { return h.sign(jose.ES256, ecKey, "rsa", nil, h.claims(nil)) }, nil, 401},

	{"by_a_stranger", func(h *house) string { return h.sign(jose.RS256, strange, "strange", nil, h.claims(nil)) }, nil, 401},
	{"by_a_stranger_with_the_id_of_the_issuer", func(h *house) string { return h.sign(jose.RS256, strange, "rsa", nil, h.claims(nil)) }, nil, 401},
	{"wrong_id", func(h *house) string { return h.sign(jose.RS256, rsaKey, "RSA", nil, h.claims(nil)) }, nil, 401},
	{"no_id", func(h *house) string { return h.sign(jose.RS256, rsaKey, "", nil, h.claims(nil)) }, nil, 401},
	{"id_of_a_file", func(h *house) string { return h.sign(jose.RS256, strange, "../../../dev/null", nil, h.claims(nil)) }, nil, 401},
	{"id_with_sql", func(h *house) string { return h.sign(jose.RS256, strange, "x' UNION SELECT 'key", nil, h.claims(nil)) }, nil, 401},
	{"id_that_is_a_number", func(h *house) string { return h.sign(jose.RS256, rsaKey, "", header{"kid": 7}, h.claims(nil)) }, nil, 401},
	{"jku", func(h *house) string {
		return h.sign(jose.RS256, strange, "strange", header{"jku": "https://evil.example/keys"}, h.claims(nil))
	}, nil, 401},
	{"x5u", func(h *house) string {
		return h.sign(jose.RS256, strange, "rsa", header{"x5u": "https://evil.example/cert"}, h.claims(nil))
	}, nil, 401},
	{"jwk", func(h *house) string {
		return h.sign(jose.RS256, strange, "rsa", header{"jwk": jose.JSONWebKey{Key: strange.Public()}}, h.claims(nil))
	}, nil, 401},
	{"crit", func(h *house) string {
		return h.sign(jose.RS256, rsaKey, "rsa", header{"crit": []string{"sender"}, "sender": true}, h.claims(nil))
	}, nil, 401},

	{"another_issuer", func(h *house) string { return h.good(claims{"iss": "https://evil.example"}) }, nil, 401},
	{"issuer_with_a_slash", func(h *house) string { return h.good(claims{"iss": url + "/"}) }, nil, 401},
	{"no_issuer", func(h *house) string { return h.good(claims{"iss": nil}) }, nil, 401},
	{"for_another_function", func(h *house) string {
		return h.good(claims{"aud": "serving.knative.dev/service/shop/evict-cache"})
	}, nil, 401},
	{"for_others", func(h *house) string {
		return h.good(claims{"aud": []string{audience + "-2", "https://kubernetes.default.svc"}})
	}, nil, 401},
	{"audience_in_capitals", func(h *house) string { return h.good(claims{"aud": strings.ToUpper(audience)}) }, nil, 401},
	{"no_audience", func(h *house) string { return h.good(claims{"aud": nil}) }, nil, 401},
	{"audience_of_none", func(h *house) string { return h.good(claims{"aud": []string{}}) }, nil, 401},
	{"expired", func(h *house) string { return h.good(claims{"exp": time.Now().Add(-time.Second).Unix()}) }, nil, 401},
	{"without_end", func(h *house) string { return h.good(claims{"exp": nil}) }, nil, 401},
	{"not_yet", func(h *house) string { return h.good(claims{"nbf": time.Now().Add(time.Hour).Unix()}) }, nil, 401},

	{"no_subject", func(h *house) string { return h.good(claims{"sub": nil}) }, nil, 403},
	{"subject_that_is_a_number", func(h *house) string { return h.good(claims{"sub": 42}) }, nil, 401},
	{"subject_of_another_namespace", func(h *house) string { return h.good(claims{"sub": strings.Replace(talents, ":shop:", ":evil:", 1)}) }, nil, 403},
	{"subject_and_more", func(h *house) string { return h.good(claims{"sub": talents + "2"}) }, nil, 403},
	{"subject_cut", func(h *house) string { return h.good(claims{"sub": talents[:len(talents)-1]}) }, nil, 403},
	{"subject_with_more_before", func(h *house) string { return h.good(claims{"sub": "x" + talents}) }, nil, 403},
	{"subject_in_capitals", func(h *house) string { return h.good(claims{"sub": strings.ToUpper(talents)}) }, nil, 403},
	{"subject_with_a_look_alike", func(h *house) string { return h.good(claims{"sub": strings.Replace(talents, "a", "а", 1)}) }, nil, 403},
	{"subject_with_a_space", func(h *house) string { return h.good(claims{"sub": talents + " "}) }, nil, 403},
	{"both_subjects", func(h *house) string { return h.good(claims{"sub": talents + "," + sweep}) }, nil, 403},
	{"default_subject", func(h *house) string { return h.good(claims{"sub": "system:serviceaccount:shop:default"}) }, nil, 403},

	{"signature_cut", func(h *house) string { return h.good(nil)[:len(h.good(nil))-8] }, nil, 401},
	{"no_signature", func(h *house) string { return h.good(nil)[:strings.LastIndex(h.good(nil), ".")+1] }, nil, 401},
	{"two_parts", func(h *house) string { return h.good(nil)[:strings.LastIndex(h.good(nil), ".")] }, nil, 401},
	{"four_parts", func(h *house) string { return h.good(nil) + ".e30" }, nil, 401},
	{"dot_before", func(h *house) string { return "." + h.good(nil) }, nil, 401},
	{"only_dots", func(*house) string { return ".." }, nil, 401},
	{"bit_of_the_signature", func(h *house) string { return flip(h.good(nil), 2) }, nil, 401},
	{"bit_of_the_claims", func(h *house) string { return flip(h.good(nil), 1) }, nil, 401},
	{"bit_of_the_header", func(h *house) string { return flip(h.good(nil), 0) }, nil, 401},
	{"claims_of_another_token", func(h *house) string {
		a, b := strings.Split(h.good(claims{"sub": "x"}), "."), strings.Split(h.good(nil), ".")
		return a[0] + "." + b[1] + "." + a[2]
	}, nil, 401},
	{"padded", func(h *house) string { return h.good(nil) + "==" }, nil, 401},
	{"claims_that_are_no_json", func(h *house) string { return h.sign(jose.RS256, rsaKey, "rsa", nil, []byte("claims")) }, nil, 401},
	{"claims_that_are_a_list", func(h *house) string { return h.sign(jose.RS256, rsaKey, "rsa", nil, []byte("[]")) }, nil, 401},
	{"huge", func(h *house) string { return h.good(claims{"more": strings.Repeat("x", 48<<10)}) }, nil, 401},
	{"json_form", func(h *house) string {
		parts := strings.Split(h.good(nil), ".")
		return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])
	}, nil, 401},
	{"encrypted", func(h *house) string {
		to := made(jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP, Key: rsaKey.Public(), KeyID: "rsa"}, nil))
		return made(made(to.Encrypt(h.claims(nil))).CompactSerialize())
	}, nil, 401},
}

// authorization sends headers, each with a good token for its %s.
func authorization(headers ...string) func(*http.Request, string) {
	return func(r *http.Request, good string) {
		for _, one := range headers {
			if strings.Contains(one, "%") {
				one = fmt.Sprintf(one, good)
			}
			r.Header.Add("Authorization", one)
		}
	}
}

// flip changes a bit in the middle of one part of a token.
func flip(token string, part int) string {
	parts := strings.Split(token, ".")
	raw := made(base64.RawURLEncoding.DecodeString(parts[part]))
	raw[len(raw)/2] ^= 1
	parts[part] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(parts, ".")
}

func TestDoor_forged(t *testing.T) {
	inBubble(t, false, func(t *testing.T, h *house) {
		for _, tc := range forged {
			t.Log(tc.name)
			time.Sleep(time.Minute) // of the bubble: the issuer may be asked again for an id
			h.said.Reset()
			good := h.good(nil)
			h.want(tc.name+": a good one first", good, 204)
			var got *httptest.ResponseRecorder
			if tc.prepare != nil {
				got = h.send("", func(r *http.Request) { tc.prepare(r, good) })
			} else {
				good = tc.token(h)
				got = h.send(good, nil)
			}
			if got.Code != tc.status || got.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: answer %d %v, want %d", tc.name, got.Code, got.Header(), tc.status)
			}
			if challenge := got.Header().Get("WWW-Authenticate"); (challenge == "Bearer") != (tc.status == 401) {
				t.Errorf("%s: WWW-Authenticate %q", tc.name, challenge)
			}
			for _, part := range strings.FieldsFunc(good, func(c rune) bool { return strings.ContainsRune(`.,{}": `, c) }) {
				if len(part) > 12 && strings.Contains(h.said.String()+got.Body.String(), part) {
					t.Errorf("%s: a part of the token is in the log or the answer: %s %s", tc.name, h.said.String(), got.Body)
				}
			}
			if strings.Contains(h.said.String()+got.Body.String(), "serviceaccount") {
				t.Errorf("%s: a subject is in the log or the answer: %s %s", tc.name, h.said.String(), got.Body)
			}
		}
		if len(forged) < 40 || h.passed != len(forged) {
			t.Errorf("%d kinds were tried, and %d requests came in besides the good ones", len(forged), h.passed-len(forged))
		}
	})
}

func TestDoor_good(t *testing.T) {
	inBubble(t, false, func(t *testing.T, h *house) {
		h.wantReady(200)
		h.want("RS256", h.good(nil), 204)
		h.want("ES256", h.sign(jose.ES256, ecKey, "ec", nil, h.claims(nil)), 204)
		h.want("of the clock", h.good(claims{"sub": sweep}), 204)
		h.want("audience that is no list", h.good(claims{"aud": audience}), 204)
	})
}

// The keys change, and what is new is found at once; what is not there any more counts no longer after ten minutes.
func TestDoor_rotation(t *testing.T) {
	inBubble(t, false, func(t *testing.T, h *house) {
		by := func(id string) string { return h.sign(jose.ES256, nextKey, id, nil, h.claims(nil)) }
		h.want("before", h.good(nil), 204)
		h.tell(map[string]crypto.Signer{"rsa": rsaKey, "next": nextKey})
		h.want("new key", by("next"), 204)
		h.want("old key", h.good(nil), 204)

		loads := h.loads.Load()
		h.tell(map[string]crypto.Signer{"rsa": rsaKey, "next": nextKey, "third": nextKey})
		for range 100 {
			h.want("a key that came within the minute", by("third"), 503)
			h.want("an id that is made up", by("made up"), 503)
		}
		if more := h.loads.Load() - loads; more != 0 {
			t.Errorf("the issuer was asked %d times within a minute", more)
		}
		time.Sleep(time.Minute)
		h.want("it, a minute later", by("third"), 204)
		h.want("an old one", by("next"), 204)

		h.tell(map[string]crypto.Signer{"third": nextKey})
		h.want("a key that was taken back just now", h.good(nil), 204)
		time.Sleep(10 * time.Minute)
		h.want("and ten minutes later", h.good(nil), 401)
		h.want("the one there is", by("third"), 204)

		h.tell(nil)
		time.Sleep(10 * time.Minute)
		h.want("when the issuer forgot them all", by("third"), 204)
	})
}

// The issuer is down for a minute, and for an hour.
func TestDoor_issuer_down(t *testing.T) {
	inBubble(t, false, func(t *testing.T, h *house) {
		next := func() string { return h.sign(jose.ES256, nextKey, "next", nil, h.claims(nil)) }
		h.down.Store(true)
		h.tell(map[string]crypto.Signer{"rsa": rsaKey, "next": nextKey})
		for range 60 {
			time.Sleep(time.Second)
			h.want("a key that is known", h.good(nil), 204)
			h.want("one that is not", next(), 503)
			h.want("bad signature", flip(h.good(nil), 2), 401)
		}
		time.Sleep(time.Hour)
		h.want("a key that is known, an hour later", h.good(nil), 204)
		h.wantReady(200)
		h.down.Store(false)
		time.Sleep(time.Minute)
		h.want("the new one, when it is up", next(), 204)
	})
}

func TestDoor_issuer_down_at_the_start(t *testing.T) {
	inBubble(t, true, func(t *testing.T, h *house) {
		for range 30 {
			h.wantReady(503)
			h.want("good", h.good(nil), 503)
			h.want("forged", flip(h.good(nil), 2), 503)
			h.want("none", "", 401)
			time.Sleep(time.Second)
		}
		if !strings.Contains(h.said.String(), url) || !strings.Contains(h.said.String(), "no new keys") {
			t.Errorf("said %s", h.said.String())
		}
		h.down.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		h.wantReady(200)
		h.want("good", h.good(nil), 204)
	})
}
