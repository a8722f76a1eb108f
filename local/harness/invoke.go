package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"somssi/local/knative"
	"somssi/local/manifest"
	"somssi/local/source"
	"somssi/local/template"
	"somssi/shared"
	"somssi/shared/connect"
)

// Invoked is what one function answered to one event, and what Knative would do
// with that answer.
type Invoked struct {
	Function string `json:"function"`
	Event    string `json:"event"`
	Type     string `json:"type"`
	Wrapped  bool   `json:"wrapped"`          // whether it was a plain message
	Status   int    `json:"status,omitempty"` // none without an answer
	TookMs   int64  `json:"tookMs"`
	Media    string `json:"media,omitempty"` // the answer's Content-Type
	Body     string `json:"body,omitempty"`  // its first 64 KiB
	Error    string `json:"error,omitempty"` // why there was no answer
	Fate     string `json:"fate"`            // done, again, dead letter, discarded
	Next     string `json:"next"`            // what follows that, in words
}

const (
	mostInvoked  = 16 << 20
	mostAnswered = 64 << 10
)

// postInvoke sends the body as one event to the function, through the runner and
// past Kafka. With the Content-Type application/cloudevents+json it is an event in
// structured mode, and goes in binary mode, as the function's source would send it.
// Anything else is a plain message, wrapped as that source would wrap it; the
// parameter key is its record's key.
func (h *Harness) postInvoke(w http.ResponseWriter, r *http.Request) {
	of, body, ok := h.invoked(w, r)
	if !ok {
		return
	}
	e, ok := received(of.config, r, body)
	if !ok {
		shared.WriteJSON(w, http.StatusOK, Invoked{Function: of.Function, Fate: source.Discarded, Error: "not sent", Next: "a Trigger discards what is no CloudEvent"})
		return
	}
	shared.WriteJSON(w, http.StatusOK, h.invoke(r.Context(), of, e))
}

// invoked is the function of a request's path, by the first of its triggers that
// takes events from Kafka, and the request's body. Where one is not to be had the
// answer says so.
func (h *Harness) invoked(w http.ResponseWriter, r *http.Request) (of *trigger, body []byte, ok bool) {
	name := r.PathValue("function")
	if _, known := h.house.Functions[name]; !known {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("no function %.63q: there are %s", name, strings.Join(h.house.Names(), ", ")))
		return nil, nil, false
	}
	if h.functions == nil {
		refuse(w, http.StatusServiceUnavailable, "starting; try again")
		return nil, nil, false
	}
	of, err := triggerOf(h.house, name, h.brokers())
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return nil, nil, false
	}
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, mostInvoked))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		refuse(w, http.StatusRequestEntityTooLarge, "larger than 16 MiB")
	case err != nil:
		refuse(w, http.StatusBadRequest, "the body ended early")
	}
	return of, body, err == nil
}

func (h *Harness) brokers() []string { return connect.Brokers(h.Run.Env["KAFKA_BROKERS"]) }

// triggerOf is the first trigger of a function that takes events from Kafka;
// where it has none, one without a name that would send the same.
func triggerOf(t *template.Template, function string, brokers []string) (*trigger, error) {
	triggers := t.Functions[function].Triggers
	for _, name := range slices.Sorted(maps.Keys(triggers)) {
		if triggers[name].Kafka != nil || triggers[name].Broker != nil {
			c, err := manifest.Config(t, function, name, brokers)
			return &trigger{Function: function, Name: name, config: c}, err
		}
	}
	return &trigger{Function: function, config: source.Config{
		Name: function, Namespace: t.Namespace, Topics: []string{"none"}, Sink: knative.ServiceURL(function, t.Namespace),
		Delivery: source.Delivery{Timeout: 30 * time.Second},
	}}, nil
}

// received is the event that a request to invoke brings. It is not ok for one
// that the source, a Trigger's, discards.
func received(c source.Config, r *http.Request, body []byte) (e source.Event, ok bool) {
	record := &kgo.Record{Topic: c.Topics[0], Value: body, Timestamp: time.Now().Truncate(time.Millisecond), Key: []byte(r.URL.Query().Get("key"))}
	if media := r.Header.Get("Content-Type"); strings.HasPrefix(media, "application/cloudevents") {
		record.Headers = []kgo.RecordHeader{{Key: "content-type", Value: []byte(media)}}
	}
	return source.Convert(c, record)
}

// invoke makes one attempt, as a source does.
func (h *Harness) invoke(ctx context.Context, of *trigger, e source.Event) (out Invoked) {
	defer func() { out.Next = next(out.Fate, of) }()
	c := of.config
	out = Invoked{Function: of.Function, Event: e.Attributes["id"], Type: e.Attributes["type"], Wrapped: e.Wrapped}
	if e.Illegal != "" {
		out.Fate, out.Error = source.DeadLetter, "attribute "+e.Illegal+" has a control character: not sent"
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, c.Delivery.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Sink, bytes.NewReader(e.Data))
	if err != nil {
		out.Fate, out.Error = source.Again, err.Error()
		return out
	}
	request.Header = e.Header
	began := time.Now()
	response, err := h.anySender(of.Function).RoundTrip(request)
	var body []byte
	if err == nil {
		defer func() { _ = response.Body.Close() }()
		out.Status, out.Media = response.StatusCode, response.Header.Get("Content-Type")
		if body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswered)); err == nil {
			_, err = io.Copy(io.Discard, response.Body)
		}
	}
	out.TookMs = time.Since(began).Milliseconds()
	out.Body = strings.ToValidUTF8(string(body), "\ufffd")
	if err != nil {
		out.Error, out.Status = err.Error(), 0
	}
	out.Fate = source.Judge(out.Status)
	return out
}

// next says what Knative would do after a fate.
func next(fate string, of *trigger) string {
	switch d := of.config.Delivery; {
	case fate == source.Done:
		return "the event is done"
	case of.Name == "":
		return "no Kafka trigger sends to this function: whoever does decides"
	case fate == source.DeadLetter:
		return "it would go to the dead letter sink at once"
	case d.Retry == 0:
		return "it would go to the dead letter sink: retry is 0"
	default:
		return fmt.Sprintf("it would be tried again after %s, up to %d times, then go to the dead letter sink", d.Wait(1), d.Retry)
	}
}
