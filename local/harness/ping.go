package harness

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"somssi/local/knative"
	"somssi/local/template"
)

// ping is a cron trigger: the CloudEvent that Knative's PingSource sends, once
// and without a retry, as there.
type ping struct {
	function, trigger, namespace string
	cron                         template.Cron
	functions                    http.RoundTripper
	say                          func(format string, args ...any)
}

// Run sends the event and says so if it was not taken.
func (p ping) Run() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, knative.ServiceURL(p.function, p.namespace)+"/", bytes.NewReader(p.cron.Data))
	if err != nil {
		p.say("%s/%s: %v", p.function, p.trigger, err)
		return
	}
	for name, value := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": uuid.NewString(), "Ce-Type": "dev.knative.sources.ping",
		"Ce-Source": "/apis/v1/namespaces/" + p.namespace + "/pingsources/" + p.function + "-" + p.trigger,
		"Ce-Time":   time.Now().UTC().Format(time.RFC3339Nano),
	} {
		request.Header.Set(name, value)
	}
	if len(p.cron.Data) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := p.functions.RoundTrip(request)
	if err != nil {
		p.say("%s/%s was not set off: %v", p.function, p.trigger, err)
		return
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		p.say("%s/%s answered %s", p.function, p.trigger, response.Status)
	}
}
