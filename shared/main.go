// Package shared is what every function would write alike, and where getting it wrong loses events: how
// a function starts, receives, fails, publishes and stops. It knows no business and wraps no library.
package shared

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/hlog"

	"somssi/shared/sender"
)

// Main runs an event function until SIGTERM: each POST to $PORT is one event for h, and what h returns decides its fate.
func Main(name string, h Handler) { Serve(name, 60<<10, receiver(h)) } // room for what check refuses

// Serve runs an HTTP function on $PORT, whose requests have at most headers bytes of them, with Prometheus' default metrics and probes on $METRICS_PORT; these
// answer for the process alone, since restarting it mends no outage elsewhere. On SIGTERM it finishes what is in flight and returns.
func Serve(name string, headers int, routes http.Handler) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := zerolog.New(os.Stdout).With().Timestamp().Str("function", name).Logger()
	senders, err := sender.Open(log.WithContext(ctx))
	Stop(err)
	routes = senders.Door(routes, func(w http.ResponseWriter, r *http.Request, status int, why string) { Fail(w, r, bad(status, why)) })
	probes := http.NewServeMux()
	probes.Handle("GET /metrics", promhttp.Handler())
	probes.HandleFunc("GET /readyz", senders.Ready)
	servers := map[string]*http.Server{ // senders drop idle connections first
		"PORT":         {Handler: guarded(log, prometheus.DefaultRegisterer, routes), MaxHeaderBytes: headers, IdleTimeout: 2 * time.Minute, ReadHeaderTimeout: 2 * time.Second, ReadTimeout: 10 * time.Second},
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
		log := zerolog.New(os.Stdout).With().Timestamp().Str("function", os.Getenv("K_SERVICE")).Logger()
		log.Fatal().Err(err).Msg("cannot start")
	}
}

// guarded is every door: no smuggled, cross-site or TRACE request gets in, no panic gets out; one log line and one count each.
func guarded(log zerolog.Logger, registry prometheus.Registerer, next http.Handler) http.Handler {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "somssi_request_seconds", Help: "Time to answer, by status."}, []string{"code"})
	registry.MustRegister(seconds)
	next = http.NewCrossOriginProtection().Handler(next)
	door := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	})
	line := func(r *http.Request, status, _ int, took time.Duration) {
		status = cmp.Or(status, http.StatusOK) // what an answer has that was never begun
		line := zerolog.Ctx(r.Context()).Info()
		if status >= http.StatusBadRequest {
			line = zerolog.Ctx(r.Context()).Warn()
		}
		line.Str("method", r.Method).Int("status", status).Dur("ms", took).Send()
		seconds.WithLabelValues(strconv.Itoa(status)).Observe(took.Seconds())
	}
	return hlog.NewHandler(log)(hlog.AccessHandler(line)(door))
}

// note adds fields, name by value, to the request's log line.
func note(ctx context.Context, fields ...any) {
	zerolog.Ctx(ctx).UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Fields(fields) })
}
