package harness

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"somssi/shared"
)

// routes is the harness's own API, for its command line and for pages of this
// machine. Names in its answers are never changed, only added to.
//
//	GET  /dev/env                                       Run: how everything is reached
//	GET  /dev/events?after=&function=&trigger=&fate=&event=&topic=&last=
//	                                                    []Delivery, oldest first: what became of each event at each trigger
//	GET  /dev/why/{event}                               []Why: all that is known of an event, by its id or how that begins
//	GET  /dev/traces/{id}                               []Span, oldest first: of a trace, or of those about an event, by how its id begins
//	POST /dev/otlp/v1/traces                            spans of the functions in, as OTLP in protobuf
//	GET  /dev/metrics                                   as Prometheus' text, lag of each source and what Redis is, under the names of their exporters
//	GET  /dev/sources                                   []Source: state, lag and what is in flight of each trigger
//	POST /dev/sources/{function}/{trigger}/pause        Source: takes nothing further; what is in flight ends or stays in hand
//	POST /dev/sources/{function}/{trigger}/resume       Source: goes on
//	POST /dev/sources/{function}/{trigger}/step?wait=   Step: of a paused one, lets one delivery through, and waits for what comes of it
//	POST /dev/sources/{function}/{trigger}/break?on=    Source: failure holds each event that fails, off does not
//	POST /dev/invoke/{function}?key=                    an event or a plain message in, Invoked: what the function answers, past Kafka
//	POST /dev/redrive/{function}                        Dead in, Redriven: the same for a dead letter
//	POST /dev/replay                                    ReplayRequest in, Progress out, one a line until one is done
//
// {event} is escaped as one segment. An error is RFC 9457's application/problem+json
// with what to do in its detail: 400 for a parameter, 404 for what is not there,
// 409 where an id is not the only one, 503 while the harness starts.
func (h *Harness) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /dev/env", h.getEnv)
	mux.HandleFunc("GET /dev/events", h.getEvents)
	mux.HandleFunc("GET /dev/why/{event...}", h.getWhy)
	mux.HandleFunc("GET /dev/traces/{id...}", h.getTrace)
	mux.HandleFunc("POST /dev/otlp/v1/traces", h.postSpans)
	mux.Handle("GET /dev/metrics", h.metrics())
	mux.HandleFunc("GET /dev/sources", h.getSources)
	mux.HandleFunc("POST /dev/sources/{function}/{trigger}/pause", h.tell(func(t *trigger) { t.source.Pause() }))
	mux.HandleFunc("POST /dev/sources/{function}/{trigger}/resume", h.tell(func(t *trigger) { t.source.Resume() }))
	mux.HandleFunc("POST /dev/sources/{function}/{trigger}/step", h.step)
	mux.HandleFunc("POST /dev/sources/{function}/{trigger}/break", h.setBreak)
	mux.HandleFunc("POST /dev/replay", h.replay)
	mux.HandleFunc("POST /dev/invoke/{function}", h.postInvoke)
	mux.HandleFunc("POST /dev/redrive/{function}", h.postRedrive)
}

// door lets nobody in but this machine: a page of another site can neither post
// (its origin is another) nor read (it would have to call this machine by a name
// of its own, which its Host header then has).
func door(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			refuse(w, http.StatusForbidden, fmt.Sprintf("/dev is for this machine only: ask for it as localhost, not as %.80q", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback is whether a Host header names this machine and can name no other.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || net.ParseIP(name).IsLoopback()
}

// refuse answers a problem in full: shared.Fail would shorten it for dead letters.
func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	shared.WriteJSON(w, status, shared.Problem{Title: http.StatusText(status), Status: status, Detail: detail})
}

func (h *Harness) getEnv(w http.ResponseWriter, _ *http.Request) {
	run := h.Run
	if h.runner != nil {
		run.Functions = h.runner.Functions()
	}
	shared.WriteJSON(w, http.StatusOK, run)
}

func (h *Harness) getEvents(w http.ResponseWriter, r *http.Request) {
	f, err := readFilter(r.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	found, err := h.History.Find(f.Event, f.match)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	if _, known := h.house.Functions[f.Function]; f.Function != "" && !known && len(found) == 0 {
		refuse(w, http.StatusBadRequest, fmt.Sprintf("no function %.63q: there are %s", f.Function, strings.Join(h.house.Names(), ", ")))
		return
	}
	if f.Last > 0 {
		found = found[max(0, len(found)-f.Last):]
	}
	if found == nil {
		found = []Delivery{}
	}
	shared.WriteJSON(w, http.StatusOK, found)
}
