package harness

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"somssi/local/knative"
	"somssi/local/template"
	"somssi/shared"
)

// gateway sends each request to the function whose HTTP trigger has the longest
// path that is the request's or a parent of it. /dev is the harness's own.
type gateway struct {
	routes  []route // longest path first
	dev     *http.ServeMux
	devDoor http.Handler                          // to dev, for this machine
	forward atomic.Pointer[httputil.ReverseProxy] // nil until functions are there
}

type route struct {
	path, function string
	methods        []string
}

func newGateway(t *template.Template, h *Harness) *gateway {
	g := &gateway{dev: http.NewServeMux()}
	g.devDoor = door(g.dev)
	for name, f := range t.Functions {
		for _, trigger := range f.Triggers {
			if trigger.HTTP != nil {
				g.routes = append(g.routes, route{trigger.HTTP.Path, knative.ServiceURL(name, t.Namespace), trigger.HTTP.Methods})
			}
		}
	}
	slices.SortFunc(g.routes, func(a, b route) int { return len(b.path) - len(a.path) })
	h.routes(g.dev)
	return g
}

func (g *gateway) open(functions http.RoundTripper) {
	g.forward.Store(&httputil.ReverseProxy{
		Transport: functions,
		ErrorLog:  log.New(io.Discard, "", 0), // a stream that breaks is no news; a function that dies is said by the runner
		Rewrite: func(r *httputil.ProxyRequest) {
			target, _ := url.Parse(r.In.Context().Value(target{}).(*forwarded).function) // made by address
			r.SetURL(target)
			r.Out.Host = r.In.Host // functions compare it with the Origin
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			switch to := r.Context().Value(target{}).(*forwarded); {
			case errors.Is(err, context.Canceled):
				panic(http.ErrAbortHandler) // the client left; one that hears all the same must not take this for an answer
			case to.cut.Load():
				fail(w, r, http.StatusBadRequest, "the body ended early")
				return
			}
			fail(w, r, http.StatusServiceUnavailable, "the function does not answer; try again")
		},
	})
}

type target struct{}

// forwarded is the body of a request to a function, and whether it did not come in full.
type forwarded struct {
	io.ReadCloser
	function string
	cut      atomic.Bool
}

func (b *forwarded) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.cut.Store(true)
	}
	return n, err
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 { // with a length beside chunks a second request hides in the first
		fail(w, r, http.StatusLengthRequired, "Content-Length is required")
		return
	}
	if r.URL.Path == "/dev" || strings.HasPrefix(r.URL.Path, "/dev/") {
		g.devDoor.ServeHTTP(w, r)
		return
	}
	forward := g.forward.Load()
	for _, one := range g.routes {
		below := strings.TrimSuffix(one.path, "/") + "/"
		if r.URL.Path != one.path && !strings.HasPrefix(r.URL.Path, below) {
			continue
		}
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		switch {
		case len(one.methods) > 0 && !slices.Contains(one.methods, method):
			w.Header().Set("Allow", strings.Join(one.methods, ", "))
			fail(w, r, http.StatusMethodNotAllowed, "this path takes "+strings.Join(one.methods, ", "))
		case forward == nil:
			fail(w, r, http.StatusServiceUnavailable, "starting; try again")
		default:
			to := &forwarded{ReadCloser: r.Body, function: one.function}
			r = r.WithContext(context.WithValue(r.Context(), target{}, to))
			r.Body = to
			forward.ServeHTTP(w, r)
		}
		return
	}
	fail(w, r, http.StatusNotFound, "no function has a trigger for this path")
}

func fail(w http.ResponseWriter, r *http.Request, status int, detail string) {
	shared.Fail(w, r, &shared.Problem{Status: status, Detail: detail})
}
