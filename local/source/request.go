package source

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// keptBody is how much of the body of a failing answer goes to the dead letter
// sink.
const keptBody = 1024

// answer is what came of one request.
type answer struct {
	status int // 0 if there was no answer
	header http.Header
	body   []byte // its beginning, as far as somebody wants it
	err    error  // why there was no answer
}

func (a answer) accepted() bool { return a.err == nil && a.status < 300 }

// worthRetrying reports whether the same request may fare better later.
func (a answer) worthRetrying() bool {
	switch a.status {
	case 0, http.StatusNotFound, http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return true
	}
	return a.status >= 500
}

// headers are those of the requests for e, in lower case as they go out. If an
// attribute has a control character its name is returned too: then the headers
// are fit for the dead letter sink only.
func (s *Source) headers(e *event) (h http.Header, illegal string) {
	h = make(http.Header, len(e.attributes)+2)
	values := make([]string, len(e.attributes))
	for i, a := range e.attributes {
		value, legal := headerValue(a.value)
		if !legal {
			illegal = a.name
		}
		values[i] = value
		h[headerName(a.name)] = values[i : i+1 : i+1]
	}
	h["Prefer"] = s.prefer
	h["Kn-Namespace"] = s.namespace
	return h, illegal
}

// headerName spares the common names an allocation.
func headerName(attribute string) string {
	switch attribute {
	case "specversion":
		return "ce-specversion"
	case "id":
		return "ce-id"
	case "source":
		return "ce-source"
	case "type":
		return "ce-type"
	case "subject":
		return "ce-subject"
	case "time":
		return "ce-time"
	case "datacontenttype":
		return "content-type"
	case "dataschema":
		return "ce-dataschema"
	case "partitionkey":
		return "ce-partitionkey"
	case "traceparent":
		return "ce-traceparent"
	case "key":
		return "ce-key"
	case "knativekafkapartition":
		return "ce-knativekafkapartition"
	case "knativekafkaoffset":
		return "ce-knativekafkaoffset"
	}
	return "ce-" + attribute
}

// newBody is data to be sent. Only of a reader of these very types does
// net/http know that it is in memory; any other costs it a second write.
func newBody(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

// post makes one attempt. The answer must be there in full before the timeout;
// of its body only the beginning is kept, and nothing if the event was accepted
// and no reply is wanted.
func (s *Source) post(ctx context.Context, to *sink, h http.Header, data []byte) answer {
	ctx, cancel := context.WithTimeout(ctx, s.config.Delivery.Timeout)
	defer cancel()
	r := to.request.WithContext(ctx)
	r.Header = h
	if len(data) > 0 {
		r.Body, r.ContentLength = newBody(data), int64(len(data))
	}
	got, err := s.transport.RoundTrip(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = got.Body.Close() }()
	a := answer{status: got.StatusCode, header: got.Header}
	if most := s.wantsBody(a.status); most > 0 {
		a.body, err = io.ReadAll(io.LimitReader(got.Body, most))
	}
	if err == nil && got.Body != http.NoBody {
		_, err = io.Copy(io.Discard, got.Body)
	}
	if err != nil {
		return answer{err: err}
	}
	return a
}

// newTransport reaches sinks over as many connections as Knative would open.
// Like Knative it refuses answers with more than 8 KiB of headers.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DisableCompression:     true,
		MaxConnsPerHost:        100,
		MaxIdleConnsPerHost:    100,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: 8 << 10,
	}
}

// lowered is the name of an extension that a Kne- header of an answer makes,
// if it may be one. It must not be an attribute that tells the event apart.
func lowered(header string) (name string, ok bool) {
	name = strings.ToLower(header)
	if !strings.HasPrefix(name, "kne-") {
		return "", false
	}
	switch name = name[len("kne-"):]; name {
	case "", "specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema":
		return "", false
	}
	return name, legalName(name)
}
