package dlq

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"somssi/shared"
)

// Filter chooses dead letters; what is zero chooses all.
type Filter struct {
	Function, Type, Event string
	Code                  string // - is those without an answer
	Before                time.Time
}

// takes is the part of a filter that is the same in SQL and here: few letters
// are kept, and functions are not a column.
func (f Filter) takes(l Letter) bool {
	code := l.Code
	if code == "" {
		code = "-"
	}
	return (f.Function == "" || f.Function == l.Function) && (f.Type == "" || f.Type == l.Type) && (f.Event == "" || f.Event == l.Event) &&
		(f.Code == "" || f.Code == code) && (f.Before.IsZero() || l.Died.Before(f.Before))
}

const columns = `key, kept_ms, dest, event_id, source, type, code, reason, redrives, redriven_ms`

// List is the chosen letters, the oldest first, without Attributes and Data.
func List(ctx context.Context, db *sql.DB, f Filter) ([]Letter, error) {
	rows, err := db.QueryContext(ctx, `SELECT `+columns+` FROM dead_letter ORDER BY kept_ms, key`)
	if err != nil {
		return nil, fmt.Errorf("read the dead letters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	all := []Letter{}
	for rows.Next() {
		l, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read a dead letter: %w", err)
		}
		if f.takes(l) {
			all = append(all, l)
		}
	}
	return all, rows.Err()
}

func scan(row interface{ Scan(...any) error }, more ...any) (l Letter, err error) {
	var died, redriven int64
	err = row.Scan(append([]any{&l.Key, &died, &l.Dest, &l.Event, &l.Source, &l.Type, &l.Code, &l.Reason, &l.Redrives, &redriven}, more...)...)
	l.Function, l.Died = functionOf(l.Dest), time.UnixMilli(died).UTC()
	if redriven > 0 {
		l.Redriven = time.UnixMilli(redriven).UTC()
	}
	return l, err
}

// ErrGone is that there is no such letter, any more or ever.
var ErrGone = errors.New("there is no such dead letter")

// Read is the letter of a key with all that is kept of it, or ErrGone.
func Read(ctx context.Context, db *sql.DB, key string) (Letter, error) {
	var attributes string
	var data []byte
	l, err := scan(db.QueryRowContext(ctx, `SELECT `+columns+`, attributes, data FROM dead_letter WHERE key = $1`, key), &attributes, &data)
	if errors.Is(err, sql.ErrNoRows) {
		return Letter{}, ErrGone
	}
	if err == nil {
		err = json.Unmarshal([]byte(attributes), &l.Attributes)
	}
	if err != nil {
		return Letter{}, fmt.Errorf("read dead letter %.12s: %w", key, err)
	}
	l.Data = data
	return l, nil
}

// Delete takes a letter out; one that is gone already is no error.
func Delete(ctx context.Context, db *sql.DB, key string) error {
	if _, err := db.ExecContext(ctx, `DELETE FROM dead_letter WHERE key = $1`, key); err != nil {
		return fmt.Errorf("take out dead letter %.12s: %w", key, err)
	}
	return nil
}

// Purge takes out letters together, and says how many of them were there.
func Purge(ctx context.Context, db *sql.DB, keys []string) (n int, err error) {
	err = shared.InTx(ctx, db, func(tx *sql.Tx) error {
		n = 0
		for _, key := range keys {
			result, err := tx.ExecContext(ctx, `DELETE FROM dead_letter WHERE key = $1`, key)
			if err != nil {
				return err
			}
			was, err := result.RowsAffected()
			if err != nil {
				return err
			}
			n += int(was)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("take out %d dead letters: %w", len(keys), err)
	}
	return n, nil
}

// Redriven notes that a letter was sent again in vain.
func Redriven(ctx context.Context, db *sql.DB, key string) error {
	_, err := db.ExecContext(ctx, `UPDATE dead_letter SET redrives = redrives + 1, redriven_ms = $2 WHERE key = $1`, key, time.Now().UnixMilli())
	if err != nil {
		return fmt.Errorf("note the redrive of dead letter %.12s: %w", key, err)
	}
	return nil
}
