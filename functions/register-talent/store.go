package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"time"

	"github.com/georgysavva/scany/v2/sqlscan"
	"github.com/redis/go-redis/v9"

	"somssi/shared"
)

const columns = `talent_id, version, seller_id, category, title, price_krw, tags, state, registered_ms, changed_ms`

// edit is the talent of r's path, or a new one, as it was and as the user wants it; under a key that was used before,
// it is another one. The UPDATE only takes the row's lock: of two at once the later one sees what the earlier one left.
func edit(r *http.Request, tx *sql.Tx, user int64, in wish) (was, t talent, err error) {
	now, id, keys := time.Now().UnixMilli(), r.PathValue("id"), r.Header["Idempotency-Key"]
	// 41 bits of ms since 2026 and 12 random ones: a safe integer in JavaScript, far above what other producers count up.
	was = talent{TalentID: (now-1_767_225_600_000)<<12 | rand.Int64N(1<<12), SellerID: user, PriceKRW: -1, State: "open", RegisteredMs: ms(now)}
	if r.Method != http.MethodPost {
		number, _ := strconv.ParseInt(id, 10, 64)
		err = sqlscan.Get(r.Context(), tx, &was, `UPDATE talents SET version = version
			WHERE talent_id = $1 AND CAST(talent_id AS TEXT) = $2 RETURNING `+columns, number, id)
	}
	switch t = was; {
	case sqlscan.NotFound(err):
		err = &shared.Problem{Status: http.StatusNotFound, Detail: "there is no such talent"}
	case err != nil:
		err = fmt.Errorf("lock talent %s: %w", id, err)
	case was.SellerID != user:
		err = &shared.Problem{Status: http.StatusForbidden, Detail: "the talent is another seller's"}
	case r.Method == http.MethodDelete:
		t.State = "closed"
	case was.State == "closed":
		err = &shared.Problem{Status: http.StatusUnprocessableEntity, Detail: "the talent is closed and changes no more"}
	default:
		err = in.apply(&t)
	}
	if !reflect.DeepEqual(was, t) {
		t.Version, t.ChangedMs = was.Version+1, ms(now)
	}
	if err == nil && keys != nil && r.Method == http.MethodPost {
		err = claim(r.Context(), tx, keys, &t)
	}
	return was, t, err
}

// claim keeps t's answer under the user's key for 7 days. Where the same was answered under it before, t becomes the
// talent of that answer; of two at the same instant the later one waits here.
func claim(ctx context.Context, tx *sql.Tx, keys []string, t *talent) error {
	if ok, _ := regexp.MatchString(`^[A-Za-z0-9_-]{8,128}$`, keys[0]); !ok || len(keys) > 1 {
		return shared.Invalid(shared.Field{Field: "Idempotency-Key", Reason: "must be 8 to 128 of A-Z, a-z, 0-9, _ and -"})
	}
	request, _ := json.Marshal([]any{t.Category, t.Title, t.PriceKRW, t.Tags}) // always can be
	hash, had, answer := fmt.Sprintf("%x", sha256.Sum256(request)), "", []byte(t.answer())
	_, undeleted := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE created_ms < $1`, t.ChangedMs-7*24*60*60*1000)
	_, unwritten := tx.ExecContext(ctx, `INSERT INTO idempotency (user_id, key, body_hash, answer, created_ms) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, key) DO NOTHING`, t.SellerID, keys[0], hash, string(answer), t.ChangedMs)
	kept := tx.QueryRowContext(ctx, `SELECT body_hash, answer FROM idempotency WHERE user_id = $1 AND key = $2`, t.SellerID, keys[0])
	err := errors.Join(undeleted, unwritten, kept.Scan(&had, &answer))
	if err == nil && had != hash {
		return shared.Invalid(shared.Field{Field: "Idempotency-Key", Reason: "was used for another request"})
	}
	return errors.Join(err, json.Unmarshal(answer, t))
}

// save writes t and its event. A new talent whose id is taken would get NULL as its version, and so is refused.
func (h *handler) save(ctx context.Context, tx *sql.Tx, was, t talent) (shared.Row, error) {
	text, _ := json.Marshal(t.Tags) // always can be
	_, unsaved := tx.ExecContext(ctx, `INSERT INTO talents (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (talent_id) DO UPDATE SET version = NULLIF(excluded.version, 1), title = excluded.title,
		price_krw = excluded.price_krw, tags = excluded.tags, state = excluded.state, changed_ms = excluded.changed_ms`,
		t.TalentID, t.Version, t.SellerID, t.Category, t.Title, t.PriceKRW, string(text), t.State, t.RegisteredMs, t.ChangedMs)
	id, what := fmt.Sprint(t.TalentID), "somssi.talent.closed.v1"
	if was.Version == 0 {
		what, t.RegisteredMs = "somssi.talent.registered.v1", 0 // at says it
	} else if t.State == "open" {
		what, t.Was = "somssi.talent.changed.v1", &wish{Title: &was.Title, PriceKRW: &was.PriceKRW}
	}
	t.State = "" // the type says it
	row, untold := h.outbox.Append(ctx, tx, shared.Draft{Topic: "new_talent_events", Type: what, Subject: "talent/" + id, Key: id, At: t.ChangedMs.time(), Data: t})
	return row, errors.Join(unsaved, untold)
}

// entry is what Redis keeps at shared.TalentCache.
type entry struct {
	Version int64           `json:"version"`
	Until   int64           `json:"until"` // Unix ms at which it expires
	Delta   int64           `json:"delta"` // ms that loading it took
	Body    json.RawMessage `json:"body"`  // null: there is no such talent; not given: a tombstone
}

// get is a talent as it is shown, or null. The nearer what is kept is to its end, the likelier it is loaded anew (XFetch).
func (h *handler) get(ctx context.Context, id int64) (json.RawMessage, error) {
	if id < 1 { // or anybody could fill Redis with what is no id
		return json.RawMessage("null"), nil
	}
	key, kept := fmt.Sprintf(shared.TalentCache, id), entry{}
	soon, cancel := context.WithTimeout(ctx, 250*time.Millisecond) // leaves time for SQL
	defer cancel()
	text, away := h.rdb.Get(soon, key).Bytes()
	there := json.Unmarshal(text, &kept) == nil && kept.Body != nil
	if there && float64(kept.Until-time.Now().UnixMilli()) > float64(kept.Delta)*rand.ExpFloat64() {
		return kept.Body, nil
	}
	fresh, err, _ := h.loads.Do(key, func() (any, error) { return h.load(ctx, id, away == nil || errors.Is(away, redis.Nil)) })
	if err != nil && there {
		return kept.Body, nil
	}
	return fresh.(json.RawMessage), err
}

// load reads SQL and, if fill, keeps it an hour, give or take a tenth, lest all expire at once; or 30 s, that there is none.
func (h *handler) load(ctx context.Context, id int64, fill bool) (body json.RawMessage, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // others wait for it, too
	defer cancel()
	start, lifetime, t := time.Now(), 54*time.Minute+rand.N(12*time.Minute), talent{}
	err = sqlscan.Get(ctx, h.outbox.DB, &t, `SELECT `+columns+` FROM talents WHERE talent_id = $1`, id)
	switch t.ChangedMs, t.RegisteredMs = t.RegisteredMs, 0; { // shown is when it was registered
	case err == nil:
		body, err = json.Marshal(t)
	case sqlscan.NotFound(err):
		lifetime, body, err = 30*time.Second, json.RawMessage("null"), nil
	}
	if err == nil && fill { // this may fail: the next load fills
		text, _ := json.Marshal(entry{t.Version, time.Now().Add(lifetime).UnixMilli(), time.Since(start).Milliseconds() + 1, body}) // always can be
		_ = fillScript.Run(ctx, h.rdb, []string{fmt.Sprintf(shared.TalentCache, id)}, t.Version, text, lifetime.Milliseconds()).Err()
	}
	return body, err
}

// fillScript does not undo, in one step, a change that overtook the load: a newer version, or its tombstone, stays.
var fillScript = redis.NewScript(`local readable, kept = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '{}')
if readable and type(kept) == 'table' and (tonumber(kept.version) or 0) > tonumber(ARGV[1]) then return 0 end
return redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])`)
