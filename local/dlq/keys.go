package dlq

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Keys are how letters are named: the shortest beginnings of their keys, of at
// least 8 characters, that tell all letters apart.
type Keys struct{ sorted []string }

// AllKeys are the names of all letters there are.
func AllKeys(ctx context.Context, db *sql.DB) (Keys, error) {
	rows, err := db.QueryContext(ctx, `SELECT key FROM dead_letter`)
	if err != nil {
		return Keys{}, fmt.Errorf("read the keys of the dead letters: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var k Keys
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return Keys{}, err
		}
		k.sorted = append(k.sorted, key)
	}
	slices.Sort(k.sorted)
	return k, rows.Err()
}

// Find is the only key that begins so. Anything else is an error that says what
// there is.
func (k Keys) Find(begin string) (string, error) {
	var found []string
	for _, key := range k.sorted {
		if begin != "" && strings.HasPrefix(key, begin) {
			found = append(found, key)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%.64q: %w", begin, ErrGone)
	case 1:
		return found[0], nil
	}
	short := make([]string, 0, 3)
	for _, key := range found[:min(3, len(found))] {
		short = append(short, k.Short(key))
	}
	return "", fmt.Errorf("%.64q begins %d dead letters, such as %s: give more of the key", begin, len(found), strings.Join(short, ", "))
}

// Short is the name of a key.
func (k Keys) Short(key string) string {
	n := 8
	i, _ := slices.BinarySearch(k.sorted, key)
	for _, neighbour := range []int{i - 1, i + 1} {
		if neighbour >= 0 && neighbour < len(k.sorted) {
			n = max(n, common(key, k.sorted[neighbour])+1)
		}
	}
	return key[:min(n, len(key))]
}

func common(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
