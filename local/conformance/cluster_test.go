package conformance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kfake"
)

// fakeKubectl keeps what it was given.
const fakeKubectl = `#!/bin/sh
{ echo "--- kubectl $*"; case "$*" in *"-f -"*) cat;; esac; } > "$KUBECTL_LOG/$$"
`

// TestCluster runs cases with a cluster that is a recording kubectl, and the twin
// as what its controllers would start.
func TestCluster(t *testing.T) {
	folder := t.TempDir()
	record := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "kubectl"), []byte(fakeKubectl), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("KUBECTL_LOG", record)
	server, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	o := Options{
		Kafka: server.ListenAddrs(), Listen: freeAddress(t), Prefix: "try", Namespace: "shop", Cluster: true,
		Select: []string{"R01", "R17-T", "D36", "C10-S", "V01"},
	}
	plan, err := NewPlan(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- plan.Follow(ctx, nil, zerolog.Nop(), func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("not ready")
	}
	results, err := Run(t.Context(), o)
	stop()
	if err != nil {
		t.Fatal(err)
	}
	<-ended // which may have found a topic gone
	want := map[string]string{"R01": Pass, "D36": Pass, "R17-T": Skip, "C10-S": Skip, "V01": Skip}
	for _, r := range results {
		if r.Result != want[r.ID] {
			t.Errorf("%s is %s: %s", r.ID, r.Result, r.Why)
		}
	}
	calls, err := filepath.Glob(filepath.Join(record, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for _, call := range calls {
		one, err := os.ReadFile(call)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, one...)
	}
	for _, want := range []string{
		"--- kubectl apply -f -\napiVersion: ", "--- kubectl delete --ignore-not-found -f -\napiVersion: ",
		"kind: KafkaSource\nmetadata:\n  name: try-r01\n  namespace: shop\n", "uri: http://" + o.Listen + "/R01/sink\n",
		"--- kubectl wait --for=condition=Ready --timeout=1m30s --namespace=shop kafkasource.sources.knative.dev/try-r01\n",
		"--namespace=shop broker.eventing.knative.dev/try-d36 trigger.eventing.knative.dev/try-d36 trigger.eventing.knative.dev/try-d36-two\n",
		"kind: ConfigMap\nmetadata:\n  name: try-d36-kafka\n", "bootstrap.servers: \"" + o.Kafka[0] + "\"\n",
		"kafka.eventing.knative.dev/external.topic: try-d36\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("kubectl was not given %q but\n%s", want, text)
		}
	}
	if server.TopicInfo("try-r01") != nil || server.TopicInfo("try-d36") != nil {
		t.Error("topics are left behind")
	}
}
