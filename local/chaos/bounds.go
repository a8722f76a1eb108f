package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"somssi/local/runner"
)

// What a function may hold. Its pools of connections may be larger after a fault
// than before the first: 16 to SQL, 20 to Redis, with two goroutines each.
const (
	mostRSS = 64 << 20
	pools   = 100
)

// footprint is what a process holds.
type footprint struct{ rss, goroutines, files int }

// footprints are those of all functions that run.
func (e *episode) footprints(ctx context.Context) (map[string]footprint, error) {
	functions, err := e.house.functions()
	if err != nil {
		return nil, err
	}
	all := map[string]footprint{}
	for name, f := range functions {
		if f.PID == 0 {
			continue
		}
		if all[name], err = footprintOf(ctx, f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

var (
	resident   = regexp.MustCompile(`(?m)^process_resident_memory_bytes\{\S+ (\S+)$`)
	goroutines = regexp.MustCompile(`(?m)^go_goroutines\{\S+ (\S+)$`)
	openFiles  = regexp.MustCompile(`(?m)^process_open_fds\{\S+ (\S+)$`)
)

// footprintOf reads what a function's own metrics say.
func footprintOf(ctx context.Context, f runner.Function) (p footprint, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Metrics, http.NoBody)
	if err != nil {
		return p, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return p, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	for pattern, to := range map[*regexp.Regexp]*int{resident: &p.rss, goroutines: &p.goroutines, openFiles: &p.files} {
		found := pattern.FindSubmatch(text)
		if found == nil && err == nil {
			err = fmt.Errorf("its metrics have no %s", pattern)
		}
		if err == nil {
			var value float64
			value, err = strconv.ParseFloat(string(found[1]), 64)
			*to = int(value)
		}
	}
	return p, err
}

// judgeBounds: nothing is piled up when all is done (I8).
func (e *episode) judgeBounds(ctx context.Context, out *Episode) {
	limit := time.Now().Add(10 * time.Second)
	for {
		now, err := e.footprints(ctx)
		over := ""
		for name, f := range now {
			calm := e.calm[name]
			if f.rss > mostRSS || f.goroutines > calm.goroutines+pools+users || f.files > calm.files+pools+users {
				over = fmt.Sprintf("%s holds %d MiB, %d goroutines (%d before all), %d files (%d)", name, f.rss>>20, f.goroutines, calm.goroutines, f.files, calm.files)
			}
			out.MostMiB = max(out.MostMiB, f.rss>>20)
		}
		if err != nil {
			over = err.Error()
		}
		if over == "" || time.Now().After(limit) || ctx.Err() != nil {
			if over != "" {
				out.broke("I8", "%s", over)
			}
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
