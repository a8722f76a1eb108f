package source

import (
	"maps"
	"net/http"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Again is what a source does with an event whose attempt may fare better later.
const Again = "again"

// Judge says what follows one attempt that was answered with a status, 0 for
// none: Done, Again (while retries are left), or DeadLetter at once.
func Judge(status int) string {
	switch a := (answer{status: status}); {
	case a.worthRetrying():
		return Again
	case a.accepted():
		return Done
	}
	return DeadLetter
}

// Event is what a record becomes on its way to a sink.
type Event struct {
	// Attributes are all, as text, specversion and extensions included.
	Attributes map[string]string
	// Data is nil where the event has none.
	Data []byte
	// Header is the request's; its names are in lower case, as they go out.
	Header http.Header
	// Illegal is an attribute with a control character, for which a source
	// would not send the request at all; else "".
	Illegal string
	// Wrapped is whether the record was no CloudEvent itself.
	Wrapped bool
}

// Convert makes the event and the request that a source with c's Name,
// Namespace, KeyType, Overrides and Trigger would make of a record. It is not ok
// for a record that a Trigger discards.
func Convert(c Config, r *kgo.Record) (_ Event, ok bool) {
	s := converter(c)
	e, ok := s.toEvent(r)
	if !ok {
		return Event{}, false
	}
	out := Event{Attributes: make(map[string]string, len(e.attributes)), Data: e.data}
	for _, a := range e.attributes {
		out.Attributes[a.name] = a.value
	}
	out.Header, out.Illegal = s.headers(e)
	continueTrace(r, out.Header)
	_, carries := carried(r)
	out.Wrapped = !carries
	return out, true
}

// Request is the headers of the request for an event whose attributes these
// are, and the name of one that has a control character, if there is one.
func Request(c Config, attributes map[string]string) (h http.Header, illegal string) {
	e := &event{}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		e.set(name, attributes[name])
	}
	return converter(c).headers(e)
}

// converter is a source as far as it makes events and requests.
func converter(c Config) *Source {
	s := &Source{
		config:     c,
		wrapSource: "/apis/v1/namespaces/" + c.Namespace + "/kafkasources/" + c.Name + "#",
		prefer:     []string{"reply"}, namespace: []string{c.Namespace},
	}
	for _, name := range slices.Sorted(maps.Keys(c.Overrides)) {
		s.overrides = append(s.overrides, attribute{name, c.Overrides[name]})
	}
	return s
}
