// Package shared is what every function would write alike, and where getting it wrong loses events: how
// a function starts, receives, fails, publishes and stops. It knows no business and wraps no library.
package shared

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"

	"somssi/shared/sender"
	"somssi/shared/telemetry"
)

// Main runs an event function until SIGTERM: each POST to $PORT is one event for h, and what h returns decides its fate.
func Main(name string, h Handler) {
	Serve(name, 60<<10, receiver(telemetry.Events(telemetry.Metrics(name)), h)) // 60 KiB: room for what check refuses
}

// Serve runs an HTTP function on $PORT, whose requests have at most headers bytes of them, with its metrics and probes on $METRICS_PORT; these
// answer for the process alone, since restarting it mends no outage elsewhere. On SIGTERM it finishes what is in flight and returns.
func Serve(name string, headers int, routes http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := telemetry.Logger(name)
	flush, err := telemetry.Start(name, log)
	Stop(err)
	senders, err := sender.Open(log.WithContext(ctx))
	Stop(err)
	routes = senders.Door(routes, func(w http.ResponseWriter, r *http.Request, status int, why string) { Fail(w, r, bad(status, why)) })
	probes := http.NewServeMux()
	probes.Handle("GET /metrics", promhttp.HandlerFor(telemetry.Registry, promhttp.HandlerOpts{}))
	probes.HandleFunc("GET /readyz", senders.Ready)
	servers := map[string]*http.Server{ // senders drop idle connections first
		"PORT":         {Handler: guarded(log, telemetry.Metrics(name), routes), MaxHeaderBytes: headers, IdleTimeout: 2 * time.Minute, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 10 * time.Second},
		"METRICS_PORT": {Handler: probes, ReadHeaderTimeout: 2 * time.Second},
	}
	for port, server := range servers {
		listener, err := net.Listen("tcp", ":"+Env(port))
		Stop(err)
		go func() {
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				Stop(err)
			}
		}()
	}
	log.Info().Msg("ready")
	<-ctx.Done()
	drain, cancel := context.WithTimeout(context.Background(), 25*time.Second)
	defer cancel()
	log.Info().Err(errors.Join(servers["METRICS_PORT"].Shutdown(drain), servers["PORT"].Shutdown(drain))).Msg("stopped")
	soon, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = flush(soon) // what it cannot send it logs
}

// Env is the environment variable name, or what is in the file that name_FILE names, as a secret is mounted. Where both are absent
// the process stops with its name: no default hides a missing address.
func Env(name string) string {
	value := os.Getenv(name)
	if file := os.Getenv(name + "_FILE"); value == "" && file != "" {
		text, err := os.ReadFile(file)
		Stop(err)
		value = strings.TrimSpace(string(text))
	}
	if value == "" {
		Stop(fmt.Errorf("environment variable %s is not set", name))
	}
	return value
}

// Stop ends the process with code 1 where err is not nil.
func Stop(err error) {
	if err != nil {
		log := telemetry.Logger(os.Getenv("K_SERVICE"))
		log.Fatal().Err(err).Msg("cannot start")
	}
}

// guarded is every door: no smuggled, cross-site or TRACE request gets in, no panic gets out; one log line and one count each.
func guarded(log zerolog.Logger, registry prometheus.Registerer, next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return telemetry.Watch(log, registry, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				Fail(w, r, fmt.Errorf("panic: %.200v\n%s", p, debug.Stack()))
			}
		}()
		w.Header().Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.Method == http.MethodTrace || r.Method == http.MethodConnect:
			Fail(w, r, bad(http.StatusMethodNotAllowed, "this method is not answered"))
		case r.ContentLength < 0: // chunked: our senders know the length, and with both given a second request hides in the first
			Fail(w, r, bad(http.StatusLengthRequired, "Content-Length is required"))
		default:
			next.ServeHTTP(w, r)
		}
	}))
}
