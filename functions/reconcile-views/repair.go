package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"somssi/shared"
)

const rest = 10 * time.Minute // for which a talent is left to the event that told of it; one that is refused makes a dead letter each time

// repair has relay-outbox tell of gaps again, and notes that, so that the next run leaves them alone.
func (h handler) repair(ctx context.Context, gaps []gap, run report) error {
	quiet := zerolog.Nop().WithContext(ctx) // thousands of ids are no log line
	err := shared.InTx(ctx, h.outbox.DB, func(tx *sql.Tx) error {
		for _, g := range gaps {
			for _, d := range g.events() {
				if _, err := h.outbox.Append(quiet, tx, d); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err == nil {
		_, err = h.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, g := range gaps {
				p.Set(ctx, g.told(), "", rest)
				run["repaired"]++
				for _, view := range g.lacking {
					if run[view]++; view == "barred" { // no event undoes a closing
						p.ZRem(ctx, fmt.Sprintf(shared.Withdrawn, g.Category), g.TalentID)
					}
				}
			}
			return nil
		})
	}
	return err
}

// events are those that mend g, of the types and with the data that register-talent tells of, as the talent is now: the
// newest version mends what one before it would have. A closed talent is closed first, or its registration would show
// it for an instant.
func (g gap) events() (all []shared.Draft) {
	registered := slices.Contains(g.lacking, "timeline") || slices.Contains(g.lacking, "statistics") || slices.Contains(g.lacking, "barred")
	if g.State == "closed" {
		all = append(all, g.draft("closed", g.ChangedMs))
	} else if !registered {
		all = append(all, g.draft("changed", g.ChangedMs))
	}
	if registered {
		all = append(all, g.draft("registered", g.RegisteredMs))
	}
	return all
}

func (g gap) draft(what string, ms int64) shared.Draft {
	id, told := fmt.Sprint(g.TalentID), map[string]any{
		"talentId": g.TalentID, "version": g.Version, "sellerId": g.SellerID, "category": g.Category,
		"title": g.Title, "priceKrw": g.PriceKRW, "tags": json.RawMessage(g.Tags), "at": rfc3339(ms),
	}
	if what != "registered" {
		told["registeredAt"] = rfc3339(g.RegisteredMs)
	}
	if what == "changed" { // what it was nobody knows any more: what it is stands for it
		told["was"] = map[string]any{"title": g.Title, "priceKrw": g.PriceKRW}
	}
	return shared.Draft{Topic: "new_talent_events", Type: "somssi.talent." + what + ".v1", Subject: "talent/" + id, Key: id, At: time.UnixMilli(ms).UTC(), Data: told}
}

func rfc3339(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }
