package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"somssi/local/client"
)

const (
	loadTalents = 2000
	loadClients = 8
	loadStreams = 50
	categories  = 20

	functionLimit = 64  // MiB
	sourceLimit   = 128 // MiB
)

// memoryRows: the most MiB that a process had in memory (VmHWM), against its
// limit. Of the functions the largest stands for all, after 2,000 registrations
// by 8 clients at once with 50 streams open, each of 10 followers of 20
// categories. The source is one that reads 100,000 events as fast as it can.
func memoryRows(ctx context.Context, b *bench) ([]Row, error) {
	functions := Row{What: "memory of the largest function under load, against its limit", Unit: "MiB", Most: 1}
	reader := Row{What: "memory of the source at full rate, against its limit", Unit: "MiB", Most: 1}
	if _, err := peak(1); err != nil {
		functions.Absent, reader.Absent = "only Linux tells the peak of a process", "only Linux tells the peak of a process"
		return []Row{functions, reader}, nil
	}
	all, rate, err := functionPeaks(ctx, b)
	if err != nil {
		return nil, err
	}
	functions = largest(functions.What, all)
	functions.Notes = append(functions.Notes, fmt.Sprintf("%d registrations, %.0f in a second", loadTalents, rate))
	mib, rate, err := sourcePeak(ctx)
	if err != nil {
		return []Row{functions}, err
	}
	reader.Notes = []string{fmt.Sprintf("%d events, %.0f in a second", backlog, rate)}
	return []Row{functions, reader.of([]round{{mib, sourceLimit}})}, nil
}

// largest is the row of the function with the highest peak.
func largest(what string, peaks map[string]float64) Row {
	names := slices.SortedFunc(maps.Keys(peaks), func(a, b string) int { return int(1024 * (peaks[b] - peaks[a])) })
	var each []string
	for _, name := range names {
		each = append(each, fmt.Sprintf("%s %.1f", name, peaks[name]))
	}
	row := Row{What: what, Unit: "MiB", Most: 1, Notes: []string{"peak of each: " + strings.Join(each, ", ")}}
	return row.of([]round{{peaks[names[0]], functionLimit}})
}

// functionPeaks loads a house and returns the peak of each function in MiB, and the registrations/s.
func functionPeaks(ctx context.Context, b *bench) (peaks map[string]float64, rate float64, err error) {
	h, err := b.startHouse(ctx, "memory", loadStreams)
	if err != nil {
		return nil, 0, err
	}
	defer h.end()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	frames, err := h.followAll(ctx)
	if err != nil {
		return nil, 0, err
	}
	began := time.Now()
	if err := h.registerAll(ctx); err != nil {
		return nil, 0, err
	}
	rate = loadTalents / time.Since(began).Seconds()
	for due := loadTalents * loadStreams / 5; frames.Load() < int64(due); wait(ctx, 10*time.Millisecond) {
		if ctx.Err() != nil {
			return nil, 0, fmt.Errorf("%d of %d frames came: %w", frames.Load(), due, ctx.Err())
		}
	}
	peaks, err = h.peaks()
	return peaks, rate, err
}

// peaks is the peak of each function in MiB.
func (h *house) peaks() (map[string]float64, error) {
	peaks := map[string]float64{}
	for name, f := range h.Functions() {
		var err error
		if peaks[name], err = peak(f.PID); err != nil {
			return nil, fmt.Errorf("read the memory of %s: %w", name, err)
		}
	}
	return peaks, nil
}

// followAll has each user follow a fifth of the categories and listen.
func (h *house) followAll(ctx context.Context) (frames *atomic.Int64, err error) {
	for i, u := range h.users {
		for n := range categories {
			if follows(i, n) {
				if err := u.Follow(ctx, name(n)); err != nil {
					return nil, err
				}
			}
		}
	}
	frames = new(atomic.Int64)
	h.streams(ctx, h.users, func(*client.User, client.Item) { frames.Add(1) })
	return frames, nil
}

func follows(user, category int) bool { return user%5 == category%5 }

func name(category int) string { return fmt.Sprintf("category-%d", category) }

// registerAll has users register talents of what they do not follow themselves.
func (h *house) registerAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(loadClients)
	for i := range loadTalents {
		group.Go(func() error {
			talent := client.Talent{Category: name(i % categories), Title: fmt.Sprintf("What somebody can do, %d", i), PriceKrw: 35_000, Tags: []string{"a", "b"}}
			_, err := h.users[(i+1)%loadStreams].Register(ctx, talent, fmt.Sprintf("bench-%06d", i))
			return err
		})
	}
	return group.Wait()
}

// sourcePeak is the peak in MiB of a process that is a source alone, when the
// sink has the whole backlog, and the events/s of the way.
func sourcePeak(ctx context.Context) (mib, rate float64, err error) {
	s, err := newStage(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.end()
	took, err := s.window(ctx, 1, backlog)
	if err != nil {
		return 0, 0, err
	}
	p, _, err := role(ctx, "source", s.kafkaAddress, s.target)
	if err != nil {
		return 0, 0, err
	}
	defer p.end()
	time, err := took()
	if err != nil {
		return 0, 0, err
	}
	mib, err = peak(p.command.Process.Pid)
	return mib, backlog / time.Seconds(), err
}
