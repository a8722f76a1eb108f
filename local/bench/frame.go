package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"somssi/local/client"
)

const (
	registrations = 200 // one after the other
	frameRounds   = 5
	category      = "music"
)

// frameRow: ms from sending POST /talents to the frame on the stream of one
// follower, through gateway, SQL, outbox, Kafka, source, Redis and the
// functions' binaries, against ms from producing a record of that size to its
// consumer in the same Kafka, without linger and with the consumer's poll
// waiting. Each side does it 200 times, one after the other; a round is the
// medians of 40.
func frameRow(ctx context.Context, b *bench) ([]Row, error) {
	h, err := b.startHouse(ctx, "frame", 2)
	if err != nil {
		return nil, err
	}
	defer h.end()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	road, err := openRoad(ctx, h)
	if err != nil {
		return nil, err
	}
	echo, err := openEcho(ctx, h)
	if err != nil {
		return nil, err
	}
	defer echo.close()
	if _, err := takeTurns(1, medianOf(ctx, road.once, 10), medianOf(ctx, echo.once, 10)); err != nil { // opens connections, loads scripts
		return nil, err
	}
	road.answered, road.taken, road.heard = nil, nil, nil
	all, err := takeTurns(frameRounds, medianOf(ctx, road.once, registrations/frameRounds), medianOf(ctx, echo.once, registrations/frameRounds))
	if err != nil {
		return nil, err
	}
	row := Row{What: "register to frame at the browser, against produce to consume of the same Kafka", Unit: "ms", Most: 3}
	row.Notes, err = road.parts(ctx)
	return []Row{row.of(all)}, err
}

// medianOf is one side of a round: the median of n times, in ms.
func medianOf(ctx context.Context, once func(context.Context) (time.Duration, error), n int) func() (float64, error) {
	return func() (float64, error) {
		var all []float64
		for range n {
			took, err := once(ctx)
			if err != nil {
				return 0, err
			}
			all = append(all, ms(took))
		}
		return median(all), nil
	}
}

// road is the way from a seller to a follower.
type road struct {
	h      *house
	frames chan frame
	sent   int
	// In ms: from the POST to its 201, from the POST to when the source has the
	// event for notify-interested, and from then to the frame.
	answered, taken, heard []float64
}

type frame struct {
	talent int64
	at     time.Time
}

func openRoad(ctx context.Context, h *house) (*road, error) {
	r := &road{h: h, frames: make(chan frame, 1)}
	if err := h.users[0].Follow(ctx, category); err != nil {
		return nil, err
	}
	h.streams(ctx, h.users[:1], func(_ *client.User, i client.Item) { r.frames <- frame{i.TalentID, time.Now()} })
	return r, nil
}

func (r *road) once(ctx context.Context) (time.Duration, error) {
	r.sent++
	seen := 0
	if all := r.h.History.After(0); len(all) > 0 {
		seen = all[len(all)-1].Number
	}
	talent := client.Talent{Category: category, Title: fmt.Sprintf("Guitar for beginners, lesson %d", r.sent), PriceKrw: 35_000, Tags: []string{"guitar", "beginner"}}
	began := time.Now()
	id, err := r.h.users[1].Register(ctx, talent, fmt.Sprintf("bench-%06d", r.sent))
	if err != nil {
		return 0, err
	}
	r.answered = append(r.answered, ms(time.Since(began)))
	select {
	case got := <-r.frames:
		if got.talent != id {
			return 0, fmt.Errorf("talent %d was registered, and the frame tells of %d", id, got.talent)
		}
		return got.at.Sub(began), r.part(ctx, seen, began, got.at)
	case <-time.After(10 * time.Second):
		return 0, errors.New("no frame within 10 s")
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// part finds when the source took the event, once everybody is done with it, so
// that the next one finds the house as quiet.
func (r *road) part(ctx context.Context, seen int, began, ended time.Time) error {
	for ctx.Err() == nil {
		all := r.h.History.After(seen)
		if len(all) < 4 { // adopt-talent, notify-interested, update-stats, evict-cache
			wait(ctx, time.Millisecond)
			continue
		}
		for _, d := range all {
			if d.Function == "notify-interested" {
				r.taken, r.heard = append(r.taken, ms(d.At.Sub(began))), append(r.heard, ms(ended.Sub(d.At)))
			}
		}
		return nil
	}
	return ctx.Err()
}

// parts says where the time goes, in medians.
func (r *road) parts(ctx context.Context) ([]string, error) {
	registering, err1 := r.h.answering("register-talent")
	notifying, err2 := r.h.answering("notify-interested")
	commit, err3 := r.h.commit(ctx)
	return []string{
		fmt.Sprintf("POST to 201 %.2f ms, of it in register-talent %.2f ms; a commit alone to the same SQL takes %.2f ms", median(r.answered), registering, commit),
		fmt.Sprintf("POST to the source's taking the event for notify-interested %.2f ms", median(r.taken)),
		fmt.Sprintf("from there to the frame %.2f ms, of it in notify-interested %.2f ms", median(r.heard), notifying),
	}, errors.Join(err1, err2, err3)
}
