package source

import (
	"encoding/base64"
	"strconv"
)

// deadLetter is e with what is known about why the sink did not take it: the
// last answer, or nothing but the sink's address if there was none.
func (s *Source) deadLetter(e *event, last answer) *event {
	dead := e.upgraded()
	dead.set("knativeerrordest", s.sink.address)
	if last.status == 0 {
		return dead
	}
	dead.set("knativeerrorcode", strconv.Itoa(last.status))
	for header, values := range last.header {
		if name, ok := lowered(header); ok {
			dead.set(name, fromLatin1(values[len(values)-1]))
		}
	}
	if len(last.body) > 0 {
		dead.set("knativeerrordata", base64.StdEncoding.EncodeToString(last.body))
	}
	return dead
}
