package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"somssi/shared"
	"somssi/shared/telemetry"
)

type handler struct{ db *sql.DB }

// keep answers 204 once the dead event of the request is committed, and asks
// for it again where SQL is away. It does not ask whether it is an event: what
// another function refused as malformed must be kept above all. Only what is
// larger than 1 MiB, or does not arrive in full, is refused.
func (h handler) keep(w http.ResponseWriter, r *http.Request) error {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)) // as large as a record of Kafka
	if errors.As(err, new(*http.MaxBytesError)) {
		return &shared.Problem{Status: http.StatusRequestEntityTooLarge, Detail: "larger than 1 MiB"}
	}
	if err != nil {
		return &shared.Problem{Status: http.StatusBadRequest, Detail: "the body ended early"}
	}
	of := attributes(r.Header)
	telemetry.Event(r.Context(), fmt.Sprintf("%.128s", of["id"]), fmt.Sprintf("%.128s", of["type"]))
	all, err := json.Marshal(of, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("write the attributes of a dead letter: %w", err)
	}
	_, err = h.db.ExecContext(r.Context(), `
		INSERT INTO dead_letter (key, kept_ms, dest, event_id, source, type, code, reason, attributes, data)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO NOTHING`,
		key(of, data), time.Now().UnixMilli(), of["knativeerrordest"], of["id"], of["source"], of["type"],
		of["knativeerrorcode"], reason(of["knativeerrordata"]), string(all), data)
	if err != nil {
		return fmt.Errorf("keep a dead letter: %w", err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// kept is how many there are, NaN where SQL does not say in 2 s.
func (h handler) kept() (n float64) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if h.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM dead_letter`).Scan(&n) != nil {
		return math.NaN()
	}
	return n
}

// key is the same for each delivery of one dead letter, and another when its
// event is sent to Kafka again and dies again, at a new offset.
func key(of map[string]string, data []byte) string {
	sum := sha256.New()
	for _, name := range []string{"knativeerrordest", "source", "id", "knativekafkapartition", "knativekafkaoffset"} {
		_, _ = fmt.Fprintf(sum, "%s\x00", of[name]) // in which no NUL is left
	}
	_, _ = sum.Write(data)
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// attributes are those of the event in h, by their names in lower case, as text
// that every store takes. Of several values the first one counts.
func attributes(h http.Header) map[string]string {
	of := make(map[string]string, len(h))
	for name, values := range h {
		attribute, isOne := strings.CutPrefix(strings.ToLower(utf8Text(name)), "ce-")
		if isOne && len(values) > 0 {
			of[attribute] = utf8Text(values[0])
		}
	}
	if media := h.Get("Content-Type"); media != "" {
		of["datacontenttype"] = utf8Text(media)
	}
	return of
}
