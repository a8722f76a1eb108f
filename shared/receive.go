package shared

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

	"somssi/shared/telemetry"
)

// Handler does one function's job for one event. It may be called twice, late or out of order and must
// leave the same effect. It returns nil (done), Permanent (dead letter), or any other error (again): not
// knowing means again. ctx ends after 20 s, before the sender gives up.
type Handler func(ctx context.Context, in event.Event) error

// Permanent gives an event up: for bad data and broken rules, never for an
// outage. err is kept with the dead letter and holds no secret and nobody's data.
func Permanent(err error) error { return bad(http.StatusUnprocessableEntity, err.Error()) }

// receiver gives an event its status: 204 done, 4xx dead letter, 503 again. Never 404, 408, 409, 429 or 500: Knative sends those
// again. It reads the event in the request's own goroutine, because the SDK's receivers can hang and be crashed from outside.
func receiver(count func(fate string, event time.Time), h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fate, at := "again", time.Time{} // after a panic, too
		defer func() { count(fate, at) }()
		in, err := read(w, r)
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
			defer cancel()
			telemetry.Event(ctx, in.ID(), in.Type())
			at, err = in.Time(), h(ctx, *in)
			if p := new(Problem); errors.As(err, &p) { // whatever its status: some are sent again
				err = &Problem{Status: http.StatusUnprocessableEntity, Detail: p.Detail, Errors: p.Errors}
			}
		}
		switch {
		case err == nil:
			fate = "done"
			w.WriteHeader(http.StatusNoContent)
			return
		case errors.As(err, new(*Problem)):
			fate = "dead_letter"
		}
		Fail(w, r, err)
	})
}

// read is the request's event, or a Problem that says why it is none.
func read(w http.ResponseWriter, r *http.Request) (in *event.Event, err error) {
	defer func() { // the SDK's parsers panic on some input
		if recover() != nil {
			in, err = nil, bad(http.StatusBadRequest, "not a CloudEvent")
		}
	}()
	media, params, unread := mime.ParseMediaType(cmp.Or(r.Header.Get("Content-Type"), "a/b"))
	structured, charset := media == event.ApplicationCloudEventsJSON, strings.ToLower(params["charset"])
	switch {
	case r.Method != http.MethodPost:
		return nil, bad(http.StatusMethodNotAllowed, "events are sent by POST")
	case unread != nil || r.Header["Content-Encoding"] != nil || strings.HasPrefix(media, "application/cloudevents") && !structured ||
		strings.HasSuffix(media, "json") && charset != "" && charset != "utf-8" && charset != "us-ascii":
		return nil, bad(http.StatusUnsupportedMediaType, "one event a request, not encoded, JSON in UTF-8")
	}
	body, err := readBody(w, r, 64<<10)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err = unsafe(r.Header, structured, body); err != nil {
		return nil, err
	}
	if in, err = binding.ToEvent(r.Context(), cehttp.NewMessageFromHttpRequest(r)); err != nil {
		return nil, bad(http.StatusBadRequest, "not a CloudEvent: an attribute or the data cannot be read") // err quotes them
	}
	return in, check(in)
}

// filled are the attributes that the SDK would forget where they are given, and empty.
var filled = map[string]bool{"subject": true, "time": true, "dataschema": true}

// unsafe is why the SDK would crash on a request, or guess what it means.
func unsafe(h http.Header, structured bool, body []byte) error {
	for name, values := range h {
		attribute, ok := strings.CutPrefix(name, "Ce-")
		if ok && (attribute == "" || values[0] == "" && filled[strings.ToLower(attribute)]) || len(values) > 1 && (ok || name == "Content-Type") {
			return bad(http.StatusBadRequest, "a header is given twice, has no name, or is empty")
		}
	}
	var fields map[string]jsontext.Value // refuses names given twice, bad UTF-8, anything after the end
	wrong := structured && (json.Unmarshal(body, &fields) != nil || fields["data"] != nil && fields["data_base64"] != nil)
	for name, value := range fields {
		_, fraction := strconv.ParseInt(string(value), 10, 32)
		typed := strings.ContainsRune(`"tfn`, rune(value.Kind())) || fraction == nil && name != "data_base64"
		wrong = wrong || name == "" || name != strings.ToLower(name) || len(value) == 2 && filled[name] || name != "data" && !typed
	}
	if wrong {
		return bad(http.StatusBadRequest, "not a JSON object of attributes and data that can be read in one way only")
	}
	return nil
}

// check holds an event to the specification's rules, then to ours.
func check(in *event.Event) error {
	c, subject, year := in.Context.AsV1(), in.Subject(), in.Time().Year()
	for name, value := range c.Extensions {
		v, _ := value.(string) // has room for knativeerrordata, Base64 of 1,024 bytes; not always UTF-8: KafkaSource writes Latin-1
		if name == "data" || len(name) > 64 || len(v) > 2<<10 || strings.ContainsFunc(v, unicode.IsControl) {
			return bad(http.StatusBadRequest, "an extension is too long, is named data, or has control characters")
		}
	}
	text := c.ID + c.Source.String() + c.Type + subject
	switch err := in.Validate(); {
	case err != nil:
		return bad(http.StatusBadRequest, err.Error())
	case in.SpecVersion() != event.CloudEventsVersionV1:
		return bad(http.StatusBadRequest, "specversion is not 1.0")
	case len(c.ID) > 128 || len(c.Source.String()) > 512 || len(c.Type) > 128 || len(subject) > 256 || len(c.Extensions) > 32:
		return bad(http.StatusBadRequest, "more than 128 bytes of id or type, 512 of source, 256 of subject, or more than 32 extensions")
	case strings.ContainsFunc(text, invisible) || !norm.NFC.IsNormalString(text):
		return bad(http.StatusBadRequest, "id, source, type or subject is not printable text in NFC")
	case !in.Time().IsZero() && (year < 1900 || year > 9999):
		return bad(http.StatusBadRequest, "time is not between 1900 and 9999")
	}
	return nil
}

// Decode reads the event's JSON data into v: names by their exact case, none twice, integers without fraction
// or exponent. What v does not know is ignored, so that events can grow. An error is Permanent.
func Decode(in event.Event, v any) error {
	if err := json.Unmarshal(in.Data(), v); err != nil {
		field, why := explain(err)
		return Permanent(fmt.Errorf("decode %s: %s %s", in.Type(), field, why))
	}
	return nil
}
