package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain is also the function that the tests run: this binary, as a child.
func TestMain(m *testing.M) {
	if os.Getenv("K_SERVICE") == "" {
		os.Exit(m.Run())
	}
	if os.Getenv("BROKEN") != "" {
		fmt.Println("environment variable REDIS_URL is not set")
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	probes := http.NewServeMux()
	if os.Getenv("NEVER_READY") == "" {
		probes.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	}
	go func() { _ = http.ListenAndServe(":"+os.Getenv("METRICS_PORT"), probes) }()
	routes := http.NewServeMux()
	routes.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getenv("K_SERVICE"), os.Getenv("K_REVISION"), os.Getenv("K_CONFIGURATION"), os.Getenv("COLOUR"), os.Getenv("HOME"))
	})
	routes.HandleFunc("/die", func(http.ResponseWriter, *http.Request) { os.Exit(3) })
	routes.HandleFunc("/hold", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "holding")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	routes.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		w.Header().Set("Server-Timing", "own;dur=1")
		fmt.Fprintf(w, "%s by %s", text, os.Getenv("K_REVISION"))
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: routes}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			fmt.Println(err)
			os.Exit(1)
		}
	}()
	<-ctx.Done()
	_ = server.Shutdown(context.Background())
	fmt.Println("finished")
	os.Exit(0)
}

type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func start(t *testing.T, spec Spec) (*Runner, *said, string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if spec.Name = "hold-mugs"; spec.Binary == "" {
		spec.Binary = binary
	}
	spec.Env = append(spec.Env, "GORACE=atexit_sleep_ms=0")
	heard, logs := &said{}, t.TempDir()
	r, err := Start(t.Context(), logs, []Spec{spec}, heard.say)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop(context.Background()) })
	return r, heard, logs
}

func get(ctx context.Context, t *testing.T, r *Runner, path string) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://hold-mugs.somssi.svc.cluster.local"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r.RoundTrip(request)
}

func TestRunner_gives_the_runtime_contract_and_nothing_else(t *testing.T) {
	r, _, _ := start(t, Spec{Env: []string{"COLOUR=blue"}})
	response, err := get(t.Context(), t, r, "/env")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if text, _ := io.ReadAll(response.Body); string(text) != "hold-mugshold-mugs-00001hold-mugsblue" {
		t.Errorf("the function sees %q", text)
	}
	if f := r.Functions()["hold-mugs"]; f.PID == 0 || f.PID == os.Getpid() || !strings.HasPrefix(f.URL, "http://127.0.0.1:") {
		t.Errorf("reached at %+v", f)
	}
	unknown, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://nobody.somssi/", http.NoBody)
	if _, err := r.RoundTrip(unknown); err == nil {
		t.Error("a request to no function was answered")
	}
}

func TestRunner_starts_what_died_and_holds_requests_until_then(t *testing.T) {
	r, heard, _ := start(t, Spec{})
	before := r.Functions()["hold-mugs"]
	if _, err := get(t.Context(), t, r, "/die"); err == nil {
		t.Error("a function that died has answered")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for { // the first ones may still reach the old process's socket
		response, err := get(ctx, t, r, "/env")
		if err == nil {
			_ = response.Body.Close()
			break
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	if after := r.Functions()["hold-mugs"]; after.PID == before.PID || after.URL != before.URL {
		t.Errorf("before %+v, after %+v: want another process at the same address", before, after)
	}
	if !strings.Contains(heard.String(), "hold-mugs ended (exit status 3) and is started again in 100ms") {
		t.Errorf("said %q", heard)
	}
}

// Ports are chosen when they are free. Another program may take one before the
// function does, or while it is being started again.
func TestRunner_evades_a_port_that_is_taken(t *testing.T) {
	t.Parallel()
	r, _, _ := start(t, Spec{})
	before := r.Functions()["hold-mugs"].URL
	if response, err := get(t.Context(), t, r, "/die"); err == nil {
		_ = response.Body.Close()
	}
	var other net.Listener
	for limit := time.Now().Add(time.Minute); other == nil; {
		var err error
		if other, err = net.Listen("tcp", strings.TrimPrefix(before, "http://")); err != nil && time.Now().After(limit) {
			t.Fatal(err)
		}
	}
	defer func() { _ = other.Close() }()
	go func() {
		for {
			stranger, err := other.Accept()
			if err != nil {
				return // closed
			}
			_ = stranger.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		response, err := get(ctx, t, r, "/env")
		if err == nil {
			_ = response.Body.Close()
			break
		}
		if ctx.Err() != nil { // before, it may be that nobody knows yet that it died
			t.Fatal(err)
		}
	}
	if after := r.Functions()["hold-mugs"].URL; after == before {
		t.Errorf("it is at %s, as before", after)
	}
}

func TestRunner_holds_container_concurrency(t *testing.T) {
	r, _, _ := start(t, Spec{Concurrency: 2})
	var open []*http.Response
	for range 2 {
		response, err := get(t.Context(), t, r, "/hold")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, response)
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := get(short, t, r, "/env"); err == nil || !strings.Contains(err.Error(), "one of 2 places") {
		t.Errorf("a third request at once: %v, want it to wait", err)
	}
	_ = open[0].Body.Close()
	response, err := get(t.Context(), t, r, "/env")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	_ = open[1].Body.Close()
}

// As in Knative, ten may wait for each place. Who gives up makes room.
func TestRunner_refuses_what_is_too_much_to_wait(t *testing.T) {
	r, _, _ := start(t, Spec{Concurrency: 2})
	var open []*http.Response
	for range 2 {
		response, err := get(t.Context(), t, r, "/hold")
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, response)
	}
	waiting, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	const waits = "waits until it gives up"
	answers := make(chan string)
	for range 25 {
		go func() {
			response, err := get(waiting, t, r, "/env")
			if err != nil {
				answers <- waits
				return
			}
			text, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			answers <- fmt.Sprint(response.Status, " ", response.Header.Get("Retry-After"), " ", string(text))
		}()
	}
	const full = "503 Service Unavailable 1 pending request queue full\n"
	for range 5 {
		if got := <-answers; got != full {
			t.Errorf("answered %q, want %q", got, full)
		}
	}
	giveUp()
	for range 20 {
		if got := <-answers; got != waits {
			t.Errorf("answered %q, want one that waits", got)
		}
	}
	_ = open[0].Body.Close()
	response, err := get(t.Context(), t, r, "/env")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v: when all have left there is room", response, err)
	}
	_ = response.Body.Close()
	_ = open[1].Body.Close()
}

func TestRunner_stops_by_sigterm(t *testing.T) {
	r, _, logs := start(t, Spec{})
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(filepath.Join(logs, "hold-mugs.log")); err != nil || !strings.Contains(string(text), "finished") {
		t.Errorf("its last words are %q (%v), want those of a function that was told to stop", text, err)
	}
}

func TestStart_tells_why_a_function_does_not(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), t.TempDir(), []Spec{{Name: "hold-mugs", Binary: binary, Env: []string{"BROKEN=1"}}}, func(string, ...any) {})
	if err == nil || !strings.Contains(err.Error(), "REDIS_URL is not set") || !strings.Contains(err.Error(), "hold-mugs") {
		t.Errorf("error %v, want the function's name and last words", err)
	}
}

func TestBuild(t *testing.T) {
	root := t.TempDir()
	folder := filepath.Join(root, "functions", "break-mugs")
	for file, text := range map[string]string{
		filepath.Join(root, "go.mod"): "module mugs\n", filepath.Join(folder, "main.go"): "package main\n\nfunc main() { undefined() }\n",
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"break-mugs": "functions/break-mugs/main.go:3:15: undefined: undefined",
		"no-mugs":    "no-mugs is in template.yaml but has no functions/no-mugs/main.go",
	} {
		if err := Build(t.Context(), root, filepath.Join(root, "bin"), []string{name}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// Functions are given their ports one after the other, and listen later: two with the same one would disturb each other.
func TestFreePorts_differ(t *testing.T) {
	given := map[int]bool{}
	for range 500 {
		ports, err := FreePorts(2)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range ports {
			if given[port] || port < 20_000 || port >= 32_000 {
				t.Fatalf("port %d, given before: %t", port, given[port])
			}
			given[port] = true
		}
	}
}
