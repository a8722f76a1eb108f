package planted

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"somssi/local/chaos"
	"somssi/local/overlay"
)

// The episodes in which a house is looked at: one of each fault, with the seed that
// it has in a campaign of these from the first seed on. They are those in which the
// API dies before a commit, Kafka is away for longer than a producer waits, Redis for
// long, and all browsers are.
var faults = []string{"F3", "F6", "F10", "F19", "F32"}

const firstSeed = 365

// tries is in how many episodes of its fault a mistake has to show: what a busy
// machine does at which moment is not decided by the seed.
const tries = 3

// inHouse are mistakes that show where parts and processes fail under load.
var inHouse = []struct {
	name    string
	patches []patch
	fault   string
	says    string // the promise that is broken
}{
	{"no_unique_index_of_the_idempotency_key", []patch{
		{file: "infra/schema/99999_bug.sql", text: `-- +goose Up
DROP TABLE idempotency;
CREATE TABLE idempotency (user_id BIGINT NOT NULL, key TEXT NOT NULL, body_hash TEXT NOT NULL, answer TEXT NOT NULL, created_ms BIGINT NOT NULL);
`},
		{file: "functions/register-talent/store.go", changes: [][2]string{
			{"\n		ON CONFLICT (user_id, key) DO NOTHING`", "`"},
			{"AND key = $2`, t.SellerID, keys[0])", "AND key = $2 ORDER BY created_ms DESC`, t.SellerID, keys[0])"},
		}},
	}, "F19", "I10"},
	{"answers_201_before_the_commit", []patch{{file: "functions/register-talent/handler.go", changes: [][2]string{
		{"				row, err = h.save(", "				if status == http.StatusCreated {\n					w.Header().Set(\"Content-Length\", fmt.Sprint(len(t.answer())))\n					shared.WriteJSON(w, status, t.answer())\n					_ = http.NewResponseController(w).Flush()\n				}\n				row, err = h.save("},
		{"} else if err == nil {", "} else if err == nil && (row.ID == \"\" || status != http.StatusCreated) {"},
	}}}, "F3", "I1"},
	{"offset_committed_before_2xx", []patch{
		{file: "local/source/partition.go", changes: [][2]string{{"	offset = p.lowest()\n", "	offset = p.next\n"}}},
		{file: "local/source/commit.go", changes: [][2]string{{"commitInterval = 5 * time.Second", "commitInterval = 100 * time.Millisecond"}}}, // as it takes them
	}, "F10", "I9"},
	{"source_gives_up_after_the_first_attempt", []patch{{file: "local/source/attempt.go", changes: [][2]string{
		{"n >= s.config.Delivery.Retry", "true"},
	}}}, "F19", "I5"},
	{"nobody_publishes", []patch{
		{file: "functions/register-talent/handler.go", changes: [][2]string{{"			h.outbox.Publish(row)\n", "			_ = row\n"}}},
		{file: "functions/relay-outbox/handler.go", changes: [][2]string{{"	for {\n", "	for ctx.Err() != nil {\n"}, {"			return nil\n		}\n	}\n}\n", "			return nil\n		}\n	}\n	return nil\n}\n"}}},
	}, "F19", "I1"},
	{"Last-Event-ID_is_ignored", []patch{{file: "functions/stream-inbox/handler.go", changes: [][2]string{
		{`fmt.Sscanf(r.Header.Get("Last-Event-ID"), "%d-", &s.place)`, `fmt.Sscanf("", "%d-", &s.place)`},
	}}}, "F32", "I7"},
	{"row_deleted_before_Kafka_has_it", []patch{{file: "functions/register-talent/handler.go", changes: [][2]string{
		{"			h.outbox.Publish(row)\n", "			_, _ = h.outbox.DB.ExecContext(r.Context(), `DELETE FROM outbox WHERE id = $1`, row.ID)\n			h.outbox.Publish(row)\n"},
	}}}, "F6", "I1"},
}

// play plays episodes in a house with patches, and returns what they broke.
func play(t *testing.T, o chaos.Options, patches []patch) string {
	t.Helper()
	o.Root, o.Say = root(t), t.Logf
	o.Plant = func(o *overlay.Overlay) error { return plant(o, patches) }
	report, err := chaos.Run(t.Context(), o)
	if err != nil && !errors.Is(err, chaos.ErrBroken) {
		t.Fatal(err)
	}
	if len(report.Episodes) != o.Episodes {
		t.Errorf("%d episodes, want %d", len(report.Episodes), o.Episodes)
	}
	var broken strings.Builder
	for _, e := range report.Episodes {
		for _, b := range e.Broken {
			broken.WriteString("\n" + b.String())
		}
	}
	return broken.String()
}

// TestHouse plants each bug in a house, and wants an episode to find it, mostly the
// first. The first episodes find nothing without it.
func TestHouse(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds eight houses")
	}
	state := filepath.Join(t.TempDir(), "chaos") // one for all: what was compiled for one house need not be for the next
	for _, b := range inHouse {
		t.Run(b.name, func(t *testing.T) {
			seed := int64(firstSeed + slices.Index(faults, b.fault))
			for range tries {
				broken := play(t, chaos.Options{State: state, Seed: seed, Faults: []string{b.fault}, Episodes: 1}, b.patches)
				if strings.Contains(broken, "\n"+b.says+" ") {
					return
				}
				t.Logf("%s is not broken in %s-%d:%s", b.says, b.fault, seed, broken)
				seed += int64(len(faults))
			}
			t.Errorf("%d episodes did not find it", tries)
		})
	}
	t.Run("without_a_bug", func(t *testing.T) {
		if broken := play(t, chaos.Options{State: state, Seed: firstSeed, Faults: faults, Episodes: len(faults)}, nil); broken != "" {
			t.Errorf("broken without a bug:%s", broken)
		}
	})
}
