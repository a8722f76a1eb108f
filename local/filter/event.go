package filter

import (
	"strings"
	"time"

	cloudevent "github.com/cloudevents/sdk-go/v2/event"
)

// event is what filters see of an event: its attributes.
type event struct {
	attributes map[string]string
	sdk        *cloudevent.Event // made when CESQL first asks
}

// text is an attribute as exact, prefix and suffix compare it. An attribute without text is as good as
// none: what is compared with it is never empty.
func (e *event) text(name string) (string, bool) {
	value, ok := e.attributes[name]
	if !ok && (name == "dataschema" || name == "schemaurl") {
		// One attribute with two names: schemaurl is what specversion 0.3 calls dataschema.
		value, ok = e.attributes[map[string]string{"dataschema": "schemaurl", "schemaurl": "dataschema"}[name]]
	}
	if name == "time" && ok {
		return instant(value), true
	}
	return value, ok
}

// instant writes a time as the original compares it: in UTC, the fraction in none, three, six or nine
// digits, whatever the event wrote.
func instant(text string) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text
	}
	whole, fraction, ok := strings.Cut(strings.TrimSuffix(t.UTC().Format(time.RFC3339Nano), "Z"), ".")
	if !ok {
		return whole + "Z"
	}
	for len(fraction)%3 != 0 {
		fraction += "0"
	}
	return whole + "." + fraction + "Z"
}

// event is the event as CESQL wants it. An attribute that is not legal is left out, as if it was missing.
func (e *event) event() cloudevent.Event {
	if e.sdk != nil {
		return *e.sdk
	}
	sdk := cloudevent.New(cloudevent.CloudEventsVersionV1)
	if e.attributes["specversion"] == cloudevent.CloudEventsVersionV03 {
		sdk = cloudevent.New(cloudevent.CloudEventsVersionV03)
	}
	for name, value := range e.attributes {
		switch name {
		case "specversion":
		case "id":
			sdk.SetID(value)
		case "type":
			sdk.SetType(value)
		case "source":
			sdk.SetSource(value)
		case "subject":
			sdk.SetSubject(value)
		case "datacontenttype":
			sdk.SetDataContentType(value)
		case "dataschema", "schemaurl":
			sdk.SetDataSchema(value)
		case "time":
			if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
				sdk.SetTime(t)
			}
		default:
			sdk.SetExtension(name, value)
		}
	}
	e.sdk = &sdk
	return sdk
}
