package main

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// startRows: ms from the exec of a function's binary to its first 2xx, to a
// POST of an event or a GET of the page, against a program that is net/http
// alone, built alike. Both are asked every 200 µs. A first start of each, which
// reads the binary from the disk, does not count.
func startRows(ctx context.Context, b *bench) (rows []Row, err error) {
	bin, err := b.build(ctx, "update-stats", "serve-web")
	if err != nil {
		return nil, err
	}
	bare, err := b.bare(ctx)
	if err != nil {
		return nil, err
	}
	env := []string{"REDIS_URL=redis://127.0.0.1:1"} // connected to when it is first used
	for _, one := range []struct {
		name    string
		request func(context.Context, string) (*http.Request, error)
	}{{"update-stats", ignored}, {"serve-web", page}} {
		ours, theirs := program{filepath.Join(bin, one.name), env, one.request}, program{bare, nil, one.request}
		if _, err := takeTurns(1, ours.time(ctx), theirs.time(ctx)); err != nil {
			return rows, err
		}
		all, err := takeTurns(20, ours.time(ctx), theirs.time(ctx))
		if err != nil {
			return rows, err
		}
		row := Row{What: fmt.Sprintf("start of %s to its first 2xx, against a program of net/http alone", one.name), Unit: "ms", Most: 2}
		rows = append(rows, row.of(all))
	}
	return rows, nil
}

func page(ctx context.Context, address string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
}

// time is one start, in ms.
func (g program) time(ctx context.Context) func() (float64, error) {
	return func() (float64, error) {
		p, _, took, err := g.start(ctx)
		if err != nil {
			return 0, err
		}
		p.end()
		return ms(took), nil
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
