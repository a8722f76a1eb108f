package harness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"somssi/local/issuer"
	"somssi/local/parts"
	"somssi/local/template"
	"somssi/shared/connect"
)

// Cluster is where the functions are that a harness delivers to and does not run.
type Cluster struct {
	Env string // the environment of template.yaml that is deployed there
	// Ingress is Knative's, which tells functions apart by the Host of a request.
	Ingress *url.URL
	// At are functions that are reached elsewhere, by name, such as those that are a
	// Deployment.
	At map[string]*url.URL
	// Issuer is the host:port of this machine at which the functions find the
	// development issuer; empty for OIDC_ISSUER.
	Issuer string
}

// Against is a harness in the place of Knative's dispatcher: a source for each
// Kafka trigger and the gateway are here, Kafka is that of KAFKA_BROKERS, and all
// else is the cluster's. Topics that are missing are made.
func Against(ctx context.Context, o Options, c Cluster) (_ *Harness, err error) {
	t, err := template.LoadForCluster(filepath.Join(o.Root, "template.yaml"), c.Env)
	if err != nil {
		return nil, err
	}
	if t.Sender.Tokens != template.TokensNone {
		return nil, fmt.Errorf("environment %s has sender.tokens %s: the tokens are the cluster's to give, and only its own dispatcher has them", c.Env, t.Sender.Tokens)
	}
	p := &parts.Parts{Kafka: os.Getenv("KAFKA_BROKERS"), Redis: os.Getenv("REDIS_URL"), SQL: os.Getenv("DATABASE_URL")}
	if p.Kafka == "" {
		return nil, errors.New("KAFKA_BROKERS is not set: it has to name the Kafka that the functions publish to")
	}
	h := of(ctx, t, o)
	defer func() {
		if err != nil {
			err = errors.Join(err, h.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := p.MakeTopics(ctx, t.Topics); err != nil {
		return h, err
	}
	listener, err := h.open(o)
	if err != nil {
		return h, err
	}
	gateway := newGateway(t, h)
	h.Run.Env = map[string]string{
		"KAFKA_BROKERS": p.Kafka, "REDIS_URL": p.Redis, "DATABASE_URL": p.SQL,
		"OIDC_ISSUER": os.Getenv("OIDC_ISSUER"), "OIDC_AUDIENCE": "somssi", "SOMSSI_URL": h.Run.URL,
	}
	if c.Issuer != "" {
		if err := h.issue(o.State, c.Issuer, gateway.dev); err != nil {
			_ = listener.Close()
			return h, err
		}
	}
	h.serve(listener, gateway)
	h.functions = c.transport()
	gateway.open(h.functions)
	if h.kafka, err = connect.Kafka(p.Kafka); err != nil {
		return h, err
	}
	if err := h.startSources(ctx, t); err != nil {
		return h, err
	}
	return h, h.write(o.State)
}

// issue puts the development issuer up: for the functions at an address of this
// machine, where it gives no tokens, and for this machine under dev.
func (h *Harness) issue(state, address string, dev *http.ServeMux) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("the issuer at %s: %w: give an address of this machine that the cluster reaches", address, err)
	}
	h.Run.Env["OIDC_ISSUER"] = "http://" + listener.Addr().String() + "/dev"
	own, err := issuer.Open(state, h.Run.Env["OIDC_ISSUER"], h.Run.Env["OIDC_AUDIENCE"])
	if err != nil {
		_ = listener.Close()
		return err
	}
	public := http.NewServeMux()
	own.Public(public)
	h.serve(listener, public)
	own.Routes(dev)
	return nil
}

// inCluster sends requests as a client inside of the cluster does, by the name of a
// function's Service.
type inCluster struct{ *http.Transport }

// RoundTrip has the URL's host in the place of the request's own.
func (t inCluster) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := *r
	sent.Host = ""
	return t.Transport.RoundTrip(&sent)
}

func (c Cluster) transport() http.RoundTripper {
	return inCluster{&http.Transport{
		MaxIdleConns: 2048, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute, DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			name, _, _ := strings.Cut(address, ".")
			to := c.Ingress
			if own, ok := c.At[name]; ok {
				to = own
			}
			port := to.Port()
			if port == "" {
				port = "80"
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(to.Hostname(), port))
		},
	}}
}
