package shared

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"golang.org/x/text/unicode/norm"

	"somssi/shared/connect"
	"somssi/shared/telemetry"
)

// SQL opens $DATABASE_URL and stops the process where it cannot be used.
func SQL() *sql.DB {
	db, err := connect.SQL(Env("DATABASE_URL"))
	Stop(err)
	return db
}

// InTx runs do in one transaction: committed where it returns nil, else rolled back.
func InTx(ctx context.Context, db *sql.DB, do func(tx *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a panic, too; after a commit it does nothing
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Redis opens $REDIS_URL. It stops the process where it is turned away, not where Redis is away: it may come back.
func Redis() *redis.Client {
	address := Env("REDIS_URL")
	client, err := telemetry.Redis(connect.Redis(address))
	Stop(err)
	go func() {
		Stop(connect.Refused("REDIS_URL", address, func(ctx context.Context) error { return client.Ping(ctx).Err() }))
	}()
	return client
}

// Outbox takes events to Kafka without losing one: a row in the writer's transaction, published after the commit, or
// by relay-outbox after a crash or an outage, and deleted once Kafka has it. One may be published twice, under one id.
type Outbox struct {
	Kafka    *kgo.Client
	DB       *sql.DB
	function string
	deleting sync.WaitGroup
}

// Draft is an event to be. Key orders it among others of its topic; At is when it happened; Cause the id of the event it follows from, nil for none.
type Draft struct {
	Topic, Type, Subject, Key string
	At                        time.Time
	Data, Cause               any
}

// Row is an event in the outbox; Text is to the byte what Kafka gets.
type Row struct{ ID, Topic, Key, Text string }

// OpenOutbox is a function's outbox, with a producer to $KAFKA_BROKERS: all in-sync replicas ack; 5 s. Close it last.
func OpenOutbox(function string, db *sql.DB) *Outbox {
	address := Env("KAFKA_BROKERS")
	options, err := connect.Kafka(address)
	Stop(err)
	kafka, err := kgo.NewClient(append(options, kgo.ProducerLinger(0), kgo.RecordDeliveryTimeout(5*time.Second), kgo.MaxBufferedRecords(1000),
		kgo.AllowIdempotentProduceCancellation(), kgo.WithHooks(kotel.NewTracer()))...) // or a broker that never answers holds a record for ever; twice is no harm
	Stop(err)
	go func() { Stop(connect.Refused("KAFKA_BROKERS", address, kafka.Ping)) }()
	return &Outbox{Kafka: kafka, DB: db, function: function}
}

// Append writes d in the caller's transaction. Its row is left to the caller for 2 s; then a relay takes it.
func (o *Outbox) Append(ctx context.Context, tx *sql.Tx, d Draft) (Row, error) {
	e := event.New()
	e.SetID(uuid.Must(uuid.NewV7()).String()) // fails only with crypto/rand, which cannot
	e.SetSource("/somssi/" + o.function)
	e.SetType(d.Type)
	e.SetSubject(d.Subject)
	e.SetTime(d.At)
	e.SetDataSchema("somssi:/schemas/" + d.Type + ".json") // an absolute URI, as the specification demands
	e.SetExtension("partitionkey", d.Key)
	e.SetExtension("causationid", d.Cause)
	span := uuid.New()
	e.SetExtension("traceparent", cmp.Or(telemetry.Traceparent(ctx), fmt.Sprintf("00-%x-%x-00", span[:], span[8:]))) // 00: nobody records it
	telemetry.Note(ctx, "published", e.ID())
	err := errors.Join(e.SetData(event.ApplicationJSON, d.Data), e.Validate())
	text, unwritten := e.MarshalJSON()
	if err = errors.Join(err, unwritten); err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO outbox (id, topic, key, event, not_before_ms) VALUES ($1, $2, $3, $4, $5)`,
			e.ID(), d.Topic, d.Key, string(text), time.Now().Add(2*time.Second).UnixMilli())
	}
	if err != nil {
		return Row{}, fmt.Errorf("append %s to the outbox: %w", d.Type, err)
	}
	return Row{e.ID(), d.Topic, d.Key, string(text)}, nil
}

// Publish sends a committed row and does not wait: what fails is the relay's.
func (o *Outbox) Publish(row Row) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	o.Kafka.TryProduce(ctx, row.Record(ctx), func(r *kgo.Record, err error) {
		o.deleting.Go(func() {
			defer cancel()
			if err == nil {
				_, _ = o.DB.ExecContext(r.Context, `DELETE FROM outbox WHERE id = $1`, row.ID)
			}
		})
	})
}

// Close waits until what was published is sent or given up, 5 s, and closes the producer.
func (o *Outbox) Close() {
	_ = o.Kafka.Flush(context.Background()) // fails with its context only
	o.Kafka.Close()
	o.deleting.Wait()
}

// Record is the row in the structured mode of CloudEvents' Kafka binding; its context, ctx in the trace of the event.
func (r Row) Record(ctx context.Context) *kgo.Record {
	var of struct{ Traceparent string }
	_ = json.Unmarshal([]byte(r.Text), &of, json.MatchCaseInsensitiveNames(true)) // without one it has none
	return &kgo.Record{Context: telemetry.Continue(ctx, of.Traceparent), Topic: r.Topic, Key: []byte(r.Key), Value: []byte(r.Text), Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(event.ApplicationCloudEventsJSON)}}}
}

// Keys and channels of Redis that several functions share, as formats.
const (
	Timeline     = "tl:%s"              // category: ZSET, event ms → Member, the newest 1,000
	Withdrawn    = "{tl:%s}:gone"       // category, in its timeline's slot: ZSET, ms of closing → talent
	TalentCache  = "talent:%d"          // id: JSON {version, until, delta, body}; no body: a tombstone, nothing older may be filled in
	Member       = "%d:%d"              // talent, seller: a member of a timeline, which a seller is not told of
	StatsCounted = "{s%02d}:counted:%s" // shard, UTC hour of registration (2006-01-02T15): SET, the talents that are counted
	StatsTotals  = "{s%02d}:total"      // shard: HASH, "talents" and "category:<name>" → count
	StatsMinutes = "{s%02d}:m:%s"       // shard, UTC day (2006-01-02): HASH, minute of the day → count
	StatsShards  = 16                   // how many slots the statistics are spread over; readers add them up
	Hints        = "cat:%s"             // category: channel of "registered|changed|withdrawn <talent> [<traceparent>]"; may lose some
)

// UserHints is the channel of "<user>", whose interests or marks changed, for the users of one of 4,096 buckets; it may lose some.
func UserHints(user int64) string { return fmt.Sprintf("{b%04d}:ev", sum(user)%4096) }

// StatsShard is the shard that a talent is counted in.
func StatsShard(talent int64) int { return int(sum(talent) % StatsShards) }
func sum(id int64) uint32         { return crc32.ChecksumIEEE(strconv.AppendInt(nil, id, 10)) }

// NID is the id of what a user is told about a talent: the first 63 bits of
// SHA-256("<talent>|<kind>"), so that every way and every repetition is one notification.
func NID(talent int64, kind string) int64 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%s", talent, kind))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

// Category matches the name of a category, which becomes part of keys and paths.
var Category = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// Clean is a person's text as it is stored: NFC, no blanks around it, 1 to most code points, nothing
// invisible but the joiner that emoji are made with.
func Clean(text string, most int) (string, error) {
	text = strings.TrimSpace(norm.NFC.String(text))
	if n := len([]rune(text)); n < 1 || n > most || strings.Trim(text, "\u200d") != text || strings.ContainsFunc(text, invisible) {
		return "", fmt.Errorf("must be 1 to %d characters, none of them invisible", most)
	}
	return text, nil
}

func invisible(r rune) bool {
	return (r < ' ' || r > '~') && r != '\u200d' && unicode.In(r, unicode.C, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point) || r == unicode.ReplacementChar || r == '\u2800'
}
