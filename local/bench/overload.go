package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/local/client"
	"somssi/shared"
	"somssi/shared/connect"
)

const (
	overload        = 10 // times the capacity
	overloadTime    = time.Minute
	overloadSockets = 1000
	overloadClients = 200
	capacityTime    = 10 * time.Second
	capacityClients = 8
	recoveryMost    = 10  // s
	floodCategories = 200 // a timeline keeps 1,000
)

// overloadRows: registrations a second that are accepted while ten times the
// capacity comes for a minute, against that capacity, which is what 8 clients
// get done that wait for each answer; the memory of the largest function by then;
// and the seconds from the end of the load to the first second of answers that
// are all good, none later than twice the 99th percentile of a quiet house.
// Whether each that was accepted is stored, told and counted once is not measured:
// where one is not, there is no row. Who sends shares the machine.
func overloadRows(ctx context.Context, b *bench) ([]Row, error) {
	goodput := Row{What: "registrations/s under ten times the capacity for a minute, against the capacity", Unit: "1/s", Least: 0.8}
	h, err := b.startHouse(ctx, "overload", overloadClients)
	if err != nil {
		return nil, err
	}
	defer h.end()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	f := &flood{house: h, accepted: map[int64]bool{}}
	base, err := f.quiet(ctx)
	if err != nil {
		return nil, err
	}
	capacity := f.capacity(ctx)
	before := len(f.accepted)
	offered := int(capacity * overload * overloadTime.Seconds())
	began := time.Now()
	away := client.Arrive(ctx, 1, capacity*overload, offered, overloadSockets, func(i int) { f.register(ctx, i) })
	took := time.Since(began)
	accepted := len(f.accepted) - before
	recovery, err := f.recovery(ctx, 2*base)
	if err != nil {
		return nil, err
	}
	if err := f.verify(ctx); err != nil {
		return nil, err
	}
	goodput = goodput.of([]round{{float64(accepted) / took.Seconds(), capacity}})
	goodput.Notes = []string{
		fmt.Sprintf("of %d in %.1f s %d were accepted, %d refused, %d failed, %d found no socket of %d", offered, took.Seconds(), accepted, f.refused, f.failed, away, overloadSockets),
		fmt.Sprintf("%d accepted in all: each is stored, told and counted once", len(f.accepted)),
	}
	back := Row{What: "seconds until all is good again after an overload, against 10", Unit: "s", Most: 1,
		Notes: []string{fmt.Sprintf("good is below %.1f ms, twice the 99th percentile of a quiet house", ms(2*base))}}
	rows := []Row{goodput, back.of([]round{{recovery.Seconds(), recoveryMost}})}
	peaks, err := h.peaks()
	if err != nil {
		return rows, nil // only Linux tells
	}
	return append(rows, largest("memory of the largest function under overload, against its limit", peaks)), nil
}

// flood is what came of registrations.
type flood struct {
	*house
	mu              sync.Mutex
	accepted        map[int64]bool // talents
	refused, failed int
}

// register registers once, and says how long a good answer took.
func (f *flood) register(ctx context.Context, i int) (took time.Duration, good bool) {
	talent, answer := client.Talent{Category: name(i % floodCategories), Title: "What somebody can do", PriceKrw: 35_000, Tags: []string{"a", "b"}}, struct{ TalentID int64 }{}
	began := time.Now()
	status, err := f.users[i%len(f.users)].Do(ctx, http.MethodPost, "/talents", talent, &answer, nil)
	took = time.Since(began)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil && status == http.StatusCreated:
		f.accepted[answer.TalentID] = true
		return took, true
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		f.refused++
	default:
		f.failed++
	}
	return took, false
}

// quiet is the 99th percentile of registrations of which one comes after the other.
func (f *flood) quiet(ctx context.Context) (time.Duration, error) {
	var all []time.Duration
	for i := range 300 {
		took, good := f.register(ctx, i)
		if !good {
			return 0, fmt.Errorf("registration %d of a quiet house is refused", i)
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)*99/100], nil
}

// capacity is the registrations/s of clients that wait for each answer.
func (f *flood) capacity(ctx context.Context) float64 {
	before, began := len(f.accepted), time.Now()
	var clients sync.WaitGroup
	for n := range capacityClients {
		clients.Go(func() {
			for i := n; time.Since(began) < capacityTime; i += capacityClients {
				f.register(ctx, i)
			}
		})
	}
	clients.Wait()
	return float64(len(f.accepted)-before) / time.Since(began).Seconds()
}

// recovery is how long it takes until answers are good for a second: one is asked for after the other.
func (f *flood) recovery(ctx context.Context, most time.Duration) (time.Duration, error) {
	ended := time.Now()
	for since, i := ended, 0; ; i++ {
		took, good := f.register(ctx, i)
		switch {
		case ctx.Err() != nil:
			return 0, fmt.Errorf("no good second after the overload: %w", ctx.Err())
		case !good || took > most:
			since = time.Now()
		case time.Since(since) >= time.Second:
			return since.Sub(ended), nil
		}
	}
}

// verify waits until all that was accepted is stored, told and counted, and nothing else.
func (f *flood) verify(ctx context.Context) error {
	db, err := connect.SQL(f.Run.Env["DATABASE_URL"])
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	options, err := redis.ParseURL(f.Run.Env["REDIS_URL"])
	if err != nil {
		return err
	}
	rdb := redis.NewClient(options)
	defer func() { _ = rdb.Close() }()
	for ; ; wait(ctx, 200*time.Millisecond) {
		var stored, told, counted, missed int
		if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM talents`).Scan(&stored); err != nil {
			return err
		}
		in := map[int64]bool{}
		for category := range floodCategories {
			for _, member := range rdb.ZRange(ctx, fmt.Sprintf(shared.Timeline, name(category)), 0, -1).Val() {
				var talent, seller int64
				_, _ = fmt.Sscanf(member, shared.Member, &talent, &seller)
				in[talent] = true
				told++
			}
		}
		for talent := range f.accepted {
			if !in[talent] {
				missed++
			}
		}
		for shard := range shared.StatsShards {
			n, _ := rdb.HGet(ctx, fmt.Sprintf(shared.StatsTotals, shard), "talents").Int()
			counted += n
		}
		switch {
		case missed == 0 && told == stored && counted == stored: // some more than accepted: their answer came too late
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%d were accepted, of which %d are not told; %d are stored, %d told, %d counted", len(f.accepted), missed, stored, told, counted)
		}
	}
}
