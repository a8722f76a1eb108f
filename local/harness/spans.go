package harness

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"somssi/shared"
)

// Span is a piece of work of one function, of one trace.
type Span struct {
	Trace   string    `json:"trace"`
	ID      string    `json:"id"`
	Parent  string    `json:"parent,omitzero"`
	Links   []string  `json:"links,omitzero"` // ids of other traces
	Service string    `json:"service"`
	Name    string    `json:"name"`
	Kind    string    `json:"kind"` // server, consumer, producer, client or internal
	At      time.Time `json:"at"`
	TookNs  int64     `json:"tookNs"`
	Event   string    `json:"event,omitzero"`
	Status  int64     `json:"status,omitzero"` // of HTTP
	Failed  bool      `json:"failed,omitzero"`
}

const spansKept = 16 << 20 // bytes of a file of spans, of which there are two

// spans keeps what functions tell, in a file and the one before it.
type spans struct {
	folder string
	mu     sync.Mutex
}

func (s *spans) files() (before, now string) {
	return filepath.Join(s.folder, "spans.old.jsonl"), filepath.Join(s.folder, "spans.jsonl")
}

func (s *spans) keep(all []Span) error {
	text := bytes.NewBufferString("\n") // ends a line that was not written in full
	for _, one := range all {
		if err := json.NewEncoder(text).Encode(one); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before, now := s.files()
	if info, err := os.Stat(now); err == nil && info.Size() > spansKept {
		if err := os.Rename(now, before); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(s.folder, 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(now, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	return errors.Join(err, file.Close())
}

// find is the spans of the traces that have the id, or a span about an event whose id begins so, oldest first.
func (s *spans) find(id string) (found []Span, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Span
	traces := map[string]bool{id: true}
	before, now := s.files()
	for _, name := range []string{before, now} {
		text, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for line := range bytes.Lines(text) {
			var one Span
			if json.Unmarshal(line, &one) != nil { // the end of a file that was not written in full
				continue
			}
			all = append(all, one)
			if one.Event != "" && strings.HasPrefix(one.Event, id) {
				traces[one.Trace] = true
			}
		}
	}
	all = slices.DeleteFunc(all, func(one Span) bool { return !traces[one.Trace] })
	slices.SortFunc(all, func(a, b Span) int { return cmp.Or(a.At.Compare(b.At), strings.Compare(a.ID, b.ID)) })
	return all, nil
}

// postSpans takes OTLP over HTTP, as protobuf.
func (h *Harness) postSpans(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, spansKept))
	in := new(collector.ExportTraceServiceRequest)
	if err = errors.Join(err, proto.Unmarshal(body, in)); err != nil {
		refuse(w, http.StatusBadRequest, "spans are taken as OTLP in protobuf, at most 16 MiB: "+err.Error())
		return
	}
	if err := h.spans.keep(told(in)); err != nil {
		refuse(w, http.StatusServiceUnavailable, fmt.Sprintf("keep spans in %s: %v", h.spans.folder, err))
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer is: all taken
}

func (h *Harness) getTrace(w http.ResponseWriter, r *http.Request) {
	found, err := h.spans.find(r.PathValue("id"))
	switch {
	case err != nil:
		refuse(w, http.StatusInternalServerError, err.Error())
	case len(found) == 0:
		refuse(w, http.StatusNotFound, fmt.Sprintf("no trace %.64q, nor one with an event whose id begins so: spans are kept where the harness runs with --trace, "+
			"the last %d MiB of them, and come up to a second after the work; go run ./local events lists the ids of events", r.PathValue("id"), 2*spansKept>>20))
	default:
		shared.WriteJSON(w, http.StatusOK, found)
	}
}

func told(in *collector.ExportTraceServiceRequest) (all []Span) {
	for _, resource := range in.GetResourceSpans() {
		service := ""
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				one := Span{
					Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
					Service: service, Name: s.GetName(), Kind: strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")),
					At: time.Unix(0, int64(s.GetStartTimeUnixNano())).UTC(), TookNs: int64(s.GetEndTimeUnixNano() - s.GetStartTimeUnixNano()),
					Failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
				}
				for _, link := range s.GetLinks() {
					one.Links = append(one.Links, hex.EncodeToString(link.GetTraceId()))
				}
				for _, a := range s.GetAttributes() {
					switch a.GetKey() {
					case "event.id":
						one.Event = a.GetValue().GetStringValue()
					case "http.response.status_code":
						one.Status = a.GetValue().GetIntValue()
					}
				}
				all = append(all, one)
			}
		}
	}
	return all
}
