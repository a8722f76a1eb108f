package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"somssi/local/probe"
)

// tampering is a house behind a proxy that does harm to one registration of many.
type tampering struct {
	forward *httputil.ReverseProxy
	posts   atomic.Int32
	// post, unless it is nil, may answer a registration instead of the house.
	post func(t *tampering, w http.ResponseWriter, r *http.Request) (answered bool)
}

func (p *tampering) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost && r.URL.Path == "/talents" && p.posts.Add(1) == 5 && p.post != nil && p.post(p, w, r) {
		return
	}
	p.forward.ServeHTTP(w, r)
}

// frames is a stream whose frames are tampered with.
type frames struct {
	io.ReadCloser
	frame func(string) string
	rest  bytes.Buffer // of the house
	out   bytes.Buffer
}

func (l *frames) Read(p []byte) (int, error) {
	for l.out.Len() == 0 {
		frame, rest, whole := strings.Cut(l.rest.String(), "\n\n")
		if !whole {
			n, err := l.ReadCloser.Read(p)
			l.rest.Write(p[:n])
			if err != nil {
				return 0, err
			}
			continue
		}
		l.rest.Reset()
		l.rest.WriteString(rest)
		if frame += "\n\n"; strings.Contains(frame, "event: notification\n") {
			frame = l.frame(frame)
		}
		l.out.WriteString(frame)
	}
	return l.out.Read(p)
}

// once does something to the fifth frame.
func once(do func(string) string) func(string) string {
	var n atomic.Int32
	return func(frame string) string {
		if n.Add(1) == 5 {
			return do(frame)
		}
		return frame
	}
}

func TestProbe(t *testing.T) {
	h := house(t)
	to, err := url.Parse(h.Run.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		post  func(t *tampering, w http.ResponseWriter, r *http.Request) bool
		frame func(string) string
		code  int
		wrong string // the figures that are
		shows string // in the answer to a person
	}{
		"all_is_well": {shows: "30 requests to register, 0 failed"},
		"a_registration_is_lost": {code: failed, wrong: "shown on streams, in inboxes, lost", shows: "lost, such as talents [77]",
			post: func(_ *tampering, w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(http.StatusCreated)
				_, err := io.WriteString(w, `{"talentId":77}`)
				return err == nil
			}},
		"a_frame_is_lost":           {code: failed, wrong: "shown on streams, lost", frame: once(func(string) string { return "" })},
		"a_frame_comes_twice":       {code: failed, wrong: "told twice, or made twice", frame: once(func(frame string) string { return frame + frame })},
		"a_registration_made_twice": {code: failed, wrong: "told twice, or made twice", post: madeTwice},
		"an_answer_fails_once": {shows: "    503: 1\n", post: func(_ *tampering, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}},
		"an_answer_is_lost": {shows: "    no answer: 1\n", post: func(p *tampering, _ http.ResponseWriter, r *http.Request) bool {
			p.forward.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}},
		"one_is_refused": {code: failed, wrong: "registrations answered", shows: "refused: POST /talents: 403", post: func(_ *tampering, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusForbidden)
			return true
		}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &tampering{post: tc.post, forward: httputil.NewSingleHostReverseProxy(to)}
			p.forward.FlushInterval = -1
			p.forward.ModifyResponse = func(r *http.Response) error {
				if r.Request.URL.Path == "/inbox/stream" && tc.frame != nil {
					r.Body = &frames{ReadCloser: r.Body, frame: tc.frame}
				}
				return nil
			}
			proxy := httptest.NewServer(p)
			defer proxy.Close()
			defer proxy.CloseClientConnections()
			args := []string{"probe", proxy.URL, "--count", "30", "--rate", "300", "--settle", map[bool]string{true: "3s", false: "1m"}[strings.Contains(tc.wrong, "lost")]}
			code, out, said := local(t, ".", append(args, "-o", "json")...)
			var r probe.Report
			if err := json.Unmarshal([]byte(out), &r); err != nil {
				t.Fatalf("%v: %q, said %q", err, out, said)
			}
			var found []string
			for _, f := range r.Figures {
				if f.Expected != f.Found {
					found = append(found, f.Name)
				}
			}
			var text bytes.Buffer
			r.Write(&text)
			if code != tc.code || strings.Join(found, ", ") != tc.wrong || !strings.Contains(text.String(), tc.shows) {
				t.Errorf("exit code %d, want %d; wrong %v, want %s; want %q in\n%s", code, tc.code, found, tc.wrong, tc.shows, text.String())
			}
			if r.MedianMs <= 0 || r.P99Ms < r.MedianMs || r.Requests < 30 {
				t.Errorf("median %f, 99th percentile %f, %d requests", r.MedianMs, r.P99Ms, r.Requests)
			}
		})
	}
}

// madeTwice sends a registration once more, as another one.
func madeTwice(p *tampering, _ http.ResponseWriter, r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err == nil {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		again.Header.Set("Idempotency-Key", r.Header.Get("Idempotency-Key")+"-again")
		p.forward.ServeHTTP(httptest.NewRecorder(), again)
	}
	return false
}

// A stream that is cut again and again shows everything once, also where more was missed than it is told of.
func TestProbe_while_streams_are_cut(t *testing.T) {
	h := house(t)
	to, err := url.Parse(h.Run.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &tampering{forward: httputil.NewSingleHostReverseProxy(to)}
	p.forward.FlushInterval, p.forward.ErrorLog = -1, log.New(io.Discard, "", 0)
	var cuts atomic.Int32
	p.forward.ModifyResponse = func(r *http.Response) error {
		if r.Request.URL.Path == "/inbox/stream" {
			n := 0
			r.Body = &frames{ReadCloser: r.Body, frame: func(frame string) string {
				if n++; n == 20 {
					cuts.Add(1)
					_ = r.Body.Close()
				}
				return frame
			}}
		}
		return nil
	}
	proxy := httptest.NewServer(p)
	defer proxy.Close()
	defer proxy.CloseClientConnections()
	code, out, said := local(t, ".", "probe", proxy.URL, "--count", "160", "--rate", "400")
	if code != 0 || cuts.Load() < 3 {
		t.Errorf("exit code %d, %d cuts, said %q\n%s", code, cuts.Load(), said, out)
	}
}

func TestProbe_refuses(t *testing.T) {
	nobody := httptest.NewServer(nil)
	nobody.Close()
	for name, tc := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no_address":     {[]string{"localhost:8080"}, wrong, "give the address of the page"},
		"with_a_path":    {[]string{"http://localhost/talents"}, wrong, "give the address of the page"},
		"two_numbers":    {[]string{"http://localhost", "--for", "1s", "--count", "2"}, wrong, "give one"},
		"no_rate":        {[]string{"http://localhost", "--rate", "0"}, wrong, "--rate 0"},
		"too_many":       {[]string{"http://localhost", "--rate", "1000", "--for", "1m"}, wrong, "1 to 40,000"},
		"no_token":       {[]string{"http://localhost", "--seller-token", "no-such-file"}, wrong, "no-such-file"},
		"one_token":      {[]string{"http://localhost", "--seller-token", file(t, "a.b.c\n")}, wrong, "the tokens of two users"},
		"nobody_is_home": {[]string{nobody.URL}, failed, "ask the development issuer for a token"},
		"bad_tokens": {[]string{house(t).Run.URL, "--seller-token", file(t, "a.b.c"), "--follower-token", file(t, "d.e.f")}, failed,
			"follow a category: PUT /interests/categories/probe-"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, said := local(t, ".", append([]string{"probe"}, tc.args...)...)
			if code != tc.code || out != "" || !strings.Contains(said, tc.says) {
				t.Errorf("exit code %d, want %d, answer %q, said %q, want %q", code, tc.code, out, said, tc.says)
			}
			if strings.Contains(said, "a.b.c") || strings.Contains(said, "d.e.f") {
				t.Errorf("a token is in %q", said)
			}
		})
	}
}

// Tokens of two users serve in the place of the development issuer.
func TestProbe_with_tokens(t *testing.T) {
	h := house(t)
	for user, variable := range map[int64]string{9_000_001: "PROBE_SELLER_TOKEN", 9_000_002: "PROBE_FOLLOWER_TOKEN"} {
		var answer struct{ Token string }
		response, err := http.Post(h.Run.URL+"/dev/token", "application/json", strings.NewReader(fmt.Sprintf(`{"user":%d}`, user)))
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv(variable, answer.Token)
	}
	if code, out, said := local(t, ".", "probe", h.Run.URL, "--count", "100", "--rate", "500"); code != 0 {
		t.Errorf("exit code %d, said %q\n%s", code, said, out)
	}
}
