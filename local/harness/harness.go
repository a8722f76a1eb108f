// Package harness puts the whole house up on one machine: the parts, the
// functions' binaries, the gateway, a source for each Kafka trigger and a clock
// for each cron trigger, all from template.yaml.
package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/issuer"
	"somssi/local/manifest"
	"somssi/local/parts"
	"somssi/local/runner"
	"somssi/local/template"
	"somssi/shared/connect"
)

// Options say where and how a harness runs.
type Options struct {
	Root  string // of the repository; binaries are in its .somssi/bin
	File  string // the template; that of Root unless said
	State string // folder for data and logs
	Port  int    // of the gateway; 0 is any free one
	Parts parts.Ports
	Real  bool          // Apache Kafka, redis-server and PostgreSQL instead of embedded parts
	Watch bool          // build functions again when their sources change
	Trace bool          // keep the functions' spans in State
	Idle  time.Duration // stop those with scale.min 0 after so long without a request; 0 is never
	// Say tells a person what is going on, a line at a time.
	Say func(format string, args ...any)
}

func (o Options) file() string { return cmp.Or(o.File, filepath.Join(o.Root, "template.yaml")) }

// Harness is a running house.
type Harness struct {
	Run     Run
	History *History
	runner  *runner.Runner
	// functions are how they are reached: by the runner, or in a cluster; nil until they are there.
	functions http.RoundTripper
	watch     *runner.Watch // nil unless Options.Watch
	parts     *parts.Parts
	kafka     []kgo.Opt // of its clients
	servers   []*http.Server
	house     *template.Template
	issuer    *issuer.Issuer // nil where all tokens are of another one
	clock     *cron.Cron
	release   func()
	logs      string
	spans     *spans

	mu       sync.Mutex
	triggers []*trigger

	stopping context.Context // ends replays
	stop     context.CancelFunc
	replays  sync.WaitGroup
}

// Run is how everything is reached, as it stands in state/run.json while a
// harness runs there.
type Run struct {
	PID       int                        `json:"pid"`
	URL       string                     `json:"url"`
	Env       map[string]string          `json:"env"`
	Functions map[string]runner.Function `json:"functions"`
}

// Start puts everything up and returns when it takes requests and events.
// Nothing is left running where it fails.
func Start(ctx context.Context, o Options) (_ *Harness, err error) {
	t, err := template.Load(o.file(), "local")
	if err != nil {
		return nil, err
	}
	h := of(ctx, t, o)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Stop(context.WithoutCancel(ctx)))
		}
	}()
	listener, err := h.open(o)
	if err != nil {
		return h, err
	}
	defer func() {
		if err != nil {
			_ = listener.Close()
		}
	}()
	bin := Binaries(o.Root)
	began := time.Now()
	o.Say("building %d functions (the first time takes some minutes)", len(t.Functions))
	if err := runner.Build(ctx, o.Root, bin, t.Names()); err != nil {
		return h, err
	}
	o.Say("built in %s", time.Since(began).Round(100*time.Millisecond))
	if h.parts, err = parts.Start(ctx, parts.Options{Dir: o.State, Ports: o.Parts, Topics: t.Topics, Real: o.Real, Jars: filepath.Join(o.Root, ".somssi"), Say: o.Say}); err != nil {
		return h, err
	}
	o.Say("Kafka, Redis and SQL are ready")
	return h, h.start(ctx, o, t, bin, listener)
}

func of(ctx context.Context, t *template.Template, o Options) *Harness {
	h := &Harness{History: &History{}, house: t, logs: filepath.Join(o.State, "logs"), spans: &spans{folder: filepath.Join(o.State, "spans")}}
	h.stopping, h.stop = context.WithCancel(context.WithoutCancel(ctx))
	return h
}

// start puts up what is ours, in the order in which one needs the other: the
// issuer before functions that read its keys, functions before their events.
func (h *Harness) start(ctx context.Context, o Options, t *template.Template, bin string, listener net.Listener) error {
	gateway := newGateway(t, h)
	var err error
	if h.kafka, err = connect.Kafka(h.parts.Kafka); err != nil {
		return err
	}
	h.Run.Env = map[string]string{
		"KAFKA_BROKERS": h.parts.Kafka, "REDIS_URL": h.parts.Redis, "DATABASE_URL": h.parts.SQL,
		"OIDC_ISSUER": os.Getenv("OIDC_ISSUER"), "OIDC_AUDIENCE": "somssi", "SOMSSI_URL": h.Run.URL,
	}
	for _, name := range trusted {
		if value := os.Getenv(name); value != "" {
			h.Run.Env[name] = value
		}
	}
	own := h.Run.URL + "/dev"
	h.Run.Env["OIDC_ISSUER"] = cmp.Or(h.Run.Env["OIDC_ISSUER"], own)
	if h.Run.Env["OIDC_ISSUER"] == own || t.Sender.Tokens != template.TokensNone {
		if h.issuer, err = issuer.Open(o.State, own, "somssi"); err != nil {
			return err
		}
		h.issuer.Routes(gateway.dev)
	}
	h.serve(listener, gateway)

	specs, err := h.specs(t, bin)
	if err != nil {
		return err
	}
	if o.Trace {
		for i := range specs {
			specs[i].Env = append(specs[i].Env, "OTEL_EXPORTER_OTLP_ENDPOINT="+h.Run.URL+"/dev/otlp", "OTEL_BSP_SCHEDULE_DELAY=200") // ms
		}
	}
	if err := o.living(t, specs); err != nil {
		return err
	}
	if h.parts.EmptyRedis {
		for _, spec := range specs {
			if t.Functions[spec.Name].Rebuild {
				if err := Rebuild(ctx, spec.Binary, spec.Env); err != nil {
					return err
				}
			}
		}
	}
	if h.runner, err = runner.Start(ctx, h.logs, specs, o.Say); err != nil {
		return err
	}
	h.functions = h.runner
	gateway.open(h.functions)
	o.Say("%d functions are ready", len(specs))
	if err := h.startTriggers(ctx, t, o.Say); err != nil {
		return err
	}
	h.Run.Functions = h.runner.Functions()
	if err := h.write(o.State); err != nil {
		return err
	}
	return h.startWatch(o, t)
}

// trusted are the variables that say which CAs Go trusts beside the machine's, for
// the functions as for this process.
var trusted = []string{"SSL_CERT_FILE", "SSL_CERT_DIR"}

func (h *Harness) specs(t *template.Template, bin string) ([]runner.Spec, error) {
	var specs []runner.Spec
	for _, name := range t.Names() {
		spec := runner.Spec{Name: name, Binary: filepath.Join(bin, name), Concurrency: t.Functions[name].Scale.Concurrency}
		env := t.Functions[name].Env
		for _, variable := range slices.Sorted(maps.Keys(env)) {
			var missing string
			value := os.Expand(env[variable], func(x string) string {
				v, ok := h.Run.Env[x]
				if !ok {
					if v, ok = os.LookupEnv(x); !ok {
						missing = x
					}
				}
				return v
			})
			if missing != "" {
				return nil, fmt.Errorf("template.yaml gives %s the variable %s from ${%s}, which is not set: export %s=…", name, variable, missing, missing)
			}
			spec.Env = append(spec.Env, variable+"="+value)
		}
		senders := manifest.SenderEnv(t, name, h.Run.URL+"/dev")
		for _, variable := range slices.Sorted(maps.Keys(senders)) {
			spec.Env = append(spec.Env, variable+"="+senders[variable])
		}
		for _, name := range trusted {
			if value, ok := h.Run.Env[name]; ok {
				spec.Env = append(spec.Env, name+"="+value)
			}
		}
		if most := t.Functions[name].Resources.GoMemory(); most > 0 {
			spec.Env = append(spec.Env, fmt.Sprintf("GOMEMLIMIT=%d", most))
		}
		specs = append(specs, spec)
	}
	return specs, nil
}

// Binaries is the folder of the functions' binaries, one for all harnesses of a repository.
func Binaries(root string) string { return filepath.Join(root, ".somssi", "bin") }

// Rebuild makes a function's Redis views again from SQL.
func Rebuild(ctx context.Context, binary string, env []string) error {
	command := exec.CommandContext(ctx, binary, "rebuild")
	command.Env = append([]string{"K_SERVICE=" + filepath.Base(binary)}, env...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("rebuild the views of %s: %w\n%s", filepath.Base(binary), err, out)
	}
	return nil
}

// Functions are how the functions are reached now.
func (h *Harness) Functions() map[string]runner.Function { return h.runner.Functions() }

// Stop ends everything, the last started first: no new requests and events,
// then what is in flight, then the parts.
func (h *Harness) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 40*time.Second)
	defer cancel()
	var errs []error
	if h.watch != nil {
		errs = append(errs, h.watch.Stop())
	}
	if h.clock != nil {
		<-h.clock.Stop().Done()
	}
	h.stop()
	h.replays.Wait()
	for _, t := range h.running() {
		errs = append(errs, t.source.Stop(ctx))
	}
	errs = append(errs, h.History.Close())
	if h.runner != nil {
		errs = append(errs, h.runner.Stop(ctx))
	}
	for _, server := range h.servers {
		errs = append(errs, server.Close())
	}
	if h.parts != nil {
		h.parts.Stop()
	}
	if h.release != nil {
		h.release()
	}
	return errors.Join(errs...)
}
