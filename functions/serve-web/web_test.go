package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = target // as it comes over the wire, also where it is no clean path
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	pages().ServeHTTP(w, r)
	return w.Result()
}

func TestPages(t *testing.T) {
	for _, tc := range []struct {
		name, method, path string
		status             int
		contentType        string
	}{
		{"root", "GET", "/", 200, "text/html; charset=utf-8"},
		{"index", "GET", "/index.html", 200, "text/html; charset=utf-8"},
		{"style", "GET", "/style.css", 200, "text/css; charset=utf-8"},
		{"script", "GET", "/app.js", 200, "text/javascript; charset=utf-8"},
		{"icon", "GET", "/favicon.svg", 200, "image/svg+xml"},
		{"head", "HEAD", "/", 200, "text/html; charset=utf-8"},
		{"unknown", "GET", "/nothing", 404, "text/plain; charset=utf-8"},
		{"folder", "GET", "/.", 404, "text/plain; charset=utf-8"},
		{"way_out", "GET", "/../web.go", 404, "text/plain; charset=utf-8"},
		{"empty", "GET", "", 404, "text/plain; charset=utf-8"},
		{"post", "POST", "/", 405, "text/plain; charset=utf-8"},
		{"delete_unknown", "DELETE", "/nothing", 405, "text/plain; charset=utf-8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			res := get(t, tc.method, tc.path)
			if res.StatusCode != tc.status {
				t.Errorf("status %d, want %d", res.StatusCode, tc.status)
			}
			if got := res.Header.Get("Content-Type"); got != tc.contentType {
				t.Errorf("content type %q, want %q", got, tc.contentType)
			}
			if tc.status == 405 && res.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("allow %q", res.Header.Get("Allow"))
			}
			for name, want := range map[string]string{
				"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
				"X-Content-Type-Options":       "nosniff",
				"Referrer-Policy":              "no-referrer",
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestPagesAreSentOnlyWhenChanged(t *testing.T) {
	first := get(t, "GET", "/app.js")
	etag := first.Header.Get("ETag")
	if etag == "" || first.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("etag %q, cache control %q", etag, first.Header.Get("Cache-Control"))
	}
	again := get(t, "GET", "/app.js", "If-None-Match", etag)
	if again.StatusCode != 304 || again.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("status %d, want 304 with the same policy", again.StatusCode)
	}
	if other := get(t, "GET", "/style.css", "If-None-Match", etag); other.StatusCode != 200 {
		t.Errorf("another page with the same etag: status %d, want 200", other.StatusCode)
	}
}

// What the policy forbids would fail only in a browser, so it is looked for here.
func TestFilesKeepThePolicy(t *testing.T) {
	inline := regexp.MustCompile(`(?i)<script(>|[^>]*>[^<])|<style|\sstyle=|\son[a-z]+="|(src|href)="(https?:)?//`)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`)
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	paths := regexp.MustCompile(`(?:src|href)="/([^"]+)"`)

	err := fs.WalkDir(files, "web", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if contentTypes[path.Ext(name)] == "" {
			t.Errorf("%s has no content type", name)
		}
		body, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		text := string(body)
		needed := imports.FindAllStringSubmatch(text, -1)
		if strings.HasSuffix(name, ".html") {
			needed = paths.FindAllStringSubmatch(text, -1)
		}
		for _, m := range needed {
			if _, err := files.ReadFile("web/" + m[1]); err != nil {
				t.Errorf("%s needs %s: %v", name, m[1], err)
			}
		}
		if found := inline.FindString(text); found != "" && !strings.HasSuffix(name, ".js") {
			t.Errorf("%s: %q is against the policy", name, found)
		}
		if found := markup.FindString(text); found != "" {
			t.Errorf("%s: %q makes markup of text", name, found)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
