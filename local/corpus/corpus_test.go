package corpus

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

// TestCorpus sends every row that applies through every door that it fits, in one
// house. A single one: go test ./local/corpus -run TestCorpus/B/id_blank
func TestCorpus(t *testing.T) { sendAll(t, open(t, false)) }

// TestCorpus_real does it on Apache Kafka, redis-server and PostgreSQL, which are
// the house's own.
func TestCorpus_real(t *testing.T) {
	eventtest.Real(t, "TEST_KAFKA_BROKERS", "TEST_REDIS_URL", "TEST_DATABASE_URL") // where these run, others do
	sendAll(t, open(t, true))
}

func sendAll(t *testing.T, h *house) {
	t.Helper()
	var report strings.Builder
	for _, class := range classes {
		sent, not, began, before := 0, map[string]int{}, time.Now(), h.executions()
		t.Run(string(class), func(t *testing.T) {
			if class == 'A' {
				sent = h.raw(t, rows(t, class))
				return
			}
			for _, r := range rows(t, class) {
				if r.Applies != nil && !*r.Applies {
					not[r.Because]++
					continue
				}
				sent++
				t.Run(r.Name, func(t *testing.T) { h.send(t, r) })
			}
		})
		fmt.Fprintf(&report, "%s: %3d sent, %4d executions, %5.1f s\n", string(class), sent, h.executions()-before, time.Since(began).Seconds())
		for why, n := range not {
			fmt.Fprintf(&report, "   %3d do not apply: %s\n", n, why)
		}
	}
	h.slow.Wait()
	h.alive(t)
	for _, door := range slices.Sorted(maps.Keys(h.tally)) {
		fmt.Fprintf(&report, "%s %d, ", door, h.tally[door])
	}
	t.Logf("\n%s%d executions; the slowest good request took %s", &report, h.executions(), h.slowest.Round(time.Millisecond))
}

func (h *house) executions() (n int) {
	for _, one := range h.tally {
		n += one
	}
	return n
}

// send is one row, by what it is made of.
func (h *house) send(t *testing.T, r row) {
	switch {
	case r.Request != nil:
		h.ask(t, r)
	case r.Stress != nil:
		h.stress(t, r)
	case r.Record != nil:
		h.record(t, r)
	case r.Fetch != "":
		h.fetch(t, r)
	case r.Body != nil:
		h.structured(t, r)
	case r.Field != "":
		h.field(t, r)
	default:
		h.attributes(t, r)
	}
	h.alive(t)
}
