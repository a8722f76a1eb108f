package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A harness against a cluster sends to the functions of the environment by the name
// of their Service, as Knative's dispatcher does, and lets others verify its tokens.
func TestAgainst(t *testing.T) {
	for _, variable := range []string{"REDIS_URL", "DATABASE_URL", "OIDC_ISSUER"} {
		t.Setenv(variable, "")
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	t.Setenv("KAFKA_BROKERS", cluster.ListenAddrs()[0])
	asked := make(chan string, 100)
	serve := func(name string) *url.URL {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			what := fmt.Sprintf("%s: %s %s%s %s", name, r.Method, r.Host, r.URL.Path, r.Header.Get("Ce-Id"))
			asked <- strings.TrimSpace(what)
			if r.Host == "evict-cache.somssi-lab.svc.cluster.local" {
				w.WriteHeader(http.StatusUnprocessableEntity) // for the dead letter sink
				return
			}
			_, _ = io.WriteString(w, what)
		}))
		t.Cleanup(s.Close)
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Root: root, State: t.TempDir(), Say: t.Logf}
	c := Cluster{Env: "lab", Ingress: serve("ingress"), At: map[string]*url.URL{"stream-inbox": serve("at")}, Issuer: "127.0.0.1:0"}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	h, err := Against(ctx, o, c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Stop(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}()
	if run, err := Running(o.State); err != nil || run.Env["KAFKA_BROKERS"] != cluster.ListenAddrs()[0] {
		t.Errorf("it is not known to run: %+v, %v", run, err)
	}

	kafka, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	const id = "019cca6f-7d3a-7000-8000-000000000001"
	text := `{"specversion":"1.0","id":"` + id + `","source":"/somssi/test","type":"somssi.talent.registered.v1","data":{}}`
	r := &kgo.Record{Topic: "new_talent_events", Value: []byte(text), Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}
	if err := kafka.ProduceSync(ctx, r).FirstErr(); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, name := range []string{"adopt-talent", "notify-interested", "update-stats", "evict-cache", "keep-dead-letters"} {
		wanted["ingress: POST "+name+".somssi-lab.svc.cluster.local/ "+id] = true
	}
	for len(wanted) > 0 {
		select {
		case what := <-asked:
			if !wanted[what] {
				t.Errorf("unexpected, or twice: %s", what)
			}
			delete(wanted, what)
		case <-ctx.Done():
			t.Fatalf("not sent: %v", wanted)
		}
	}

	issuer := h.Run.Env["OIDC_ISSUER"]
	for _, one := range []struct{ method, address, want string }{
		{http.MethodGet, h.Run.URL + "/inbox", "200 ingress: GET read-inbox.somssi-lab.svc.cluster.local/inbox"},
		{http.MethodGet, h.Run.URL + "/inbox/stream", "200 at: GET stream-inbox.somssi-lab.svc.cluster.local/inbox/stream"},
		{http.MethodGet, issuer + "/.well-known/openid-configuration", "200 {"},
		{http.MethodGet, issuer + "/keys", `200 {"keys":[{`},
		{http.MethodPost, issuer + "/token", "404 "},
		{http.MethodPost, h.Run.URL + "/dev/token", `200 {"token":"`},
		{http.MethodGet, h.Run.URL + "/dev/sources", "200 ["},
	} {
		request, err := http.NewRequestWithContext(ctx, one.method, one.address, strings.NewReader(`{"user":42}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(one.address, issuer) {
			request.Host = "issuer.parts.svc" // as a cluster may call it
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if got := fmt.Sprint(response.StatusCode, " ", string(body)); err != nil || !strings.HasPrefix(got, one.want) {
			t.Errorf("%s %s: %q, want %q (%v)", one.method, one.address, got, one.want, err)
		}
	}
}

func TestAgainst_refuses(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KAFKA_BROKERS", "")
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	signed := t.TempDir()
	if err := os.WriteFile(filepath.Join(signed, "template.yaml"), append(text, "\nsender: {tokens: sent}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ root, env, want string }{
		{root, "lab", "KAFKA_BROKERS is not set"},
		{root, "labb", `there is no environment "labb"`},
		{signed, "lab", "the tokens are the cluster's to give"},
	} {
		if _, err := Against(t.Context(), Options{Root: tc.root, State: t.TempDir(), Say: t.Logf}, Cluster{Env: tc.env}); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.env, err, tc.want)
		}
	}
}
