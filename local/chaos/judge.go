package chaos

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"time"

	"somssi/local/client"
)

// judge holds what is there after an episode against what was promised, by the
// invariants I1 to I10 of local/reliability.md (I7 is settle's).
func (e *episode) judge(ctx context.Context, out *Episode) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c := e.crowd
	c.mu.Lock()
	talents := slices.Clone(c.talents)
	for _, refused := range c.refused {
		out.broke("I10", "refused for good: %s", refused)
	}
	c.mu.Unlock()
	out.Registrations = len(talents)
	e.judgeSQL(ctx, out, talents)
	e.judgeInboxes(ctx, out)
	e.judgeFrames(out)
	e.judgeStatistics(ctx, out, talents)
	e.judgeTalents(ctx, out, talents)
	e.judgeAnswers(ctx, out, talents)
	log, err := e.readLog(ctx)
	if err != nil {
		out.broke("I1", "the topic cannot be read: %v", err)
		return
	}
	e.judgeLog(out, talents, log)
	e.judgeDeliveries(ctx, out, log)
	e.judgeDead(ctx, out)
	e.judgeBounds(ctx, out)
}

// judgeSQL: each registration that was answered is there once, and nothing else (I1, I6, I10).
func (e *episode) judgeSQL(ctx context.Context, out *Episode, talents []*talent) {
	rows, err := e.db.QueryContext(ctx, `SELECT talent_id FROM talents WHERE category LIKE $1`, e.crowd.name+"-%")
	if err != nil {
		out.broke("I1", "SQL: %v", err)
		return
	}
	defer func() { _ = rows.Close() }()
	there := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			out.broke("I1", "SQL: %v", err)
		}
		there[id] = true
	}
	if err := rows.Err(); err != nil {
		out.broke("I1", "SQL: %v", err)
	}
	for _, t := range talents {
		if !there[t.id] {
			out.broke("I1", "talent %d (%s, key %s) was accepted and is not in SQL", t.id, t.category, t.key)
		}
		delete(there, t.id)
	}
	for id := range there {
		out.broke("I10", "talent %d is in SQL, and nobody was answered so", id)
	}
}

// judgeInboxes: every user has just what he follows and did not register himself, once (I1, I2, I6).
func (e *episode) judgeInboxes(ctx context.Context, out *Episode) {
	for _, u := range e.crowd.people {
		items, _, err := u.Inbox(ctx)
		if err != nil {
			out.broke("I1", "the inbox of user %d: %v", u.ID, err)
			continue
		}
		wanted := e.crowd.wanted(u.ID)
		out.Notifications += len(wanted)
		has := map[int64]bool{}
		for _, i := range items {
			switch {
			case has[i.TalentID]:
				out.broke("I2", "talent %d is twice in the inbox of user %d", i.TalentID, u.ID)
			case wanted[i.TalentID] == nil:
				out.broke("I6", "talent %d (%s) is in the inbox of user %d, who follows %v: his own, closed, or never registered", i.TalentID, i.Category, u.ID, e.crowd.follows[u.ID])
			case i.Title != wanted[i.TalentID].title:
				out.broke("I4", "talent %d is %q in the inbox of user %d and should be %q", i.TalentID, i.Title, u.ID, wanted[i.TalentID].title)
			}
			has[i.TalentID] = true
		}
		for id, t := range wanted {
			if !has[id] {
				out.broke("I1", "talent %d (%s, key %s) is not in the inbox of user %d", id, t.category, t.key, u.ID)
			}
		}
	}
}

// judgeFrames: a stream shows a notification once, over all its interruptions (I2, I6).
func (e *episode) judgeFrames(out *Episode) {
	c := e.crowd
	c.mu.Lock()
	defer c.mu.Unlock()
	registered := map[int64]*talent{}
	for _, t := range c.talents {
		registered[t.id] = t
	}
	for user, shown := range c.shown {
		for id, times := range shown {
			t := registered[id]
			switch {
			case times > 1:
				out.broke("I2", "user %d was shown talent %d %d times", user, id, times)
			case t == nil || t.seller == user || !slices.Contains(c.follows[user], t.category):
				out.broke("I6", "user %d was shown talent %d, which is none of his", user, id)
			}
		}
	}
}

// judgeStatistics: what is counted is what is in SQL (I3).
func (e *episode) judgeStatistics(ctx context.Context, out *Episode, talents []*talent) {
	expected := map[string]int{}
	for _, t := range talents {
		expected[t.category]++
	}
	var stats struct{ ByCategory map[string]int }
	if _, err := e.crowd.people[0].Do(ctx, http.MethodGet, "/stats", nil, &stats, nil); err != nil {
		out.broke("I3", "%v", err)
	}
	for n := range categories {
		name := e.crowd.category(n)
		if stats.ByCategory[name] != expected[name] {
			out.broke("I3", "%d talents are counted in %s, and %d were registered", stats.ByCategory[name], name, expected[name])
		}
	}
}

// judgeTalents: what was changed or closed is read so, in its newest version (I4).
func (e *episode) judgeTalents(ctx context.Context, out *Episode, talents []*talent) {
	for _, t := range talents {
		if t.title != "" && !t.closed && !strings.HasPrefix(t.title, changedTitle) && e.by.IntN(10) > 0 {
			continue // of those that stayed as they were some are enough
		}
		var got struct{ Title, State string }
		want := struct{ Title, State string }{t.title, map[bool]string{false: "open", true: "closed"}[t.closed]}
		if _, err := e.crowd.people[0].Do(ctx, http.MethodGet, fmt.Sprintf("/talents/%d", t.id), nil, &got, nil); err != nil {
			out.broke("I4", "read talent %d: %v", t.id, err)
		} else if got != want {
			out.broke("I4", "talent %d is read as %v and should be %v", t.id, got, want)
		}
	}
}

// judgeAnswers: the same request gets the same answer, also now (I10).
func (e *episode) judgeAnswers(ctx context.Context, out *Episode, talents []*talent) {
	for _, t := range talents {
		if t.key == "" || e.by.IntN(20) > 0 {
			continue
		}
		seller := e.crowd.people[slices.IndexFunc(e.crowd.people, func(u *client.User) bool { return u.ID == t.seller })]
		id, err := seller.Register(ctx, t.body, t.key)
		if err != nil || id != t.id {
			out.broke("I10", "request %s was answered with talent %d, and now with %d (%v)", t.key, t.id, id, err)
		}
	}
}
