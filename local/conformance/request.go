package conformance

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one request as a sink got it.
type Request struct {
	Sink          string // which sink of the case
	Method, Proto string
	Target        string // path and query as they came
	Host          string
	Header        map[string][]string
	Body          []byte
	Remote        string // the address it came from
	At            time.Time
	Answered      time.Time // just before it was answered, zero until then
}

func received(r *http.Request, name string, body []byte) *Request {
	got := &Request{
		Sink: name, Method: r.Method, Proto: r.Proto, Target: r.RequestURI, Host: r.Host,
		Header: make(map[string][]string, len(r.Header)), Body: body, Remote: r.RemoteAddr,
	}
	for header, values := range r.Header {
		got.Header[strings.ToLower(header)] = values
	}
	if len(r.TransferEncoding) > 0 { // which net/http takes out
		got.Header["transfer-encoding"] = r.TransferEncoding
	}
	return got
}

// Get is the value of a header, whose name is in lower case.
func (r Request) Get(name string) string {
	if len(r.Header[name]) == 0 {
		return ""
	}
	return r.Header[name][0]
}

// Has is whether the header is there.
func (r Request) Has(name string) bool { return len(r.Header[name]) > 0 }

// ID is the id of its event.
func (r Request) ID() string { return r.Get("ce-id") }

// ignored are the headers in which dispatchers may differ.
var ignored = []string{"user-agent", "content-length", "traceparent", "tracestate", "baggage"}

// compared are the headers that count.
func (r Request) compared() map[string]string {
	all := make(map[string]string, len(r.Header))
	for name, values := range r.Header {
		if !slices.Contains(ignored, name) {
			all[name] = strings.Join(values, "\n")
		}
	}
	return all
}

// shownBody is how much of a body is printed.
const shownBody = 200

// text is a request for a person, a header a line; what is not printable is escaped.
func text(headers map[string]string, body []byte) string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		fmt.Fprintf(&out, "%s: %s\n", name, printable(headers[name]))
	}
	out.WriteString("\n")
	if len(body) > shownBody {
		fmt.Fprintf(&out, "%s… (%d bytes)", printable(string(body[:shownBody])), len(body))
	} else {
		out.WriteString(printable(string(body)))
	}
	return out.String()
}

// printable escapes what a terminal could not show, byte by byte.
func printable(value string) string {
	var out strings.Builder
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' {
			fmt.Fprintf(&out, `\x%02x`, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}
