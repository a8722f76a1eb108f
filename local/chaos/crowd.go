package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"somssi/local/client"
)

// The load of an episode.
const (
	users         = 50
	categories    = 10
	registrations = 200
	plain         = 10 // messages of another producer, past the API
	atOnce        = 8  // clients
	pace          = 20 * time.Millisecond
)

// talent is one that somebody registered, as he was answered.
type talent struct {
	id       int64
	seller   int64
	category string
	title    string // of its newest version
	closed   bool
	key      string // of the request; of a plain message none
	body     client.Talent
}

// crowd is the users of one episode and what they did and heard.
type crowd struct {
	name    string
	people  []*client.User
	follows map[int64][]string
	seen    sync.WaitGroup
	leave   context.CancelFunc

	mu      sync.Mutex
	streams []net.Conn // of all users to the gateway
	offline bool       // the streams are cut, and none can be opened
	talents []*talent
	shown   map[int64]map[int64]int // user → talent → how often
	refused []string                // what was answered with an error that no retry mends
	some    chan struct{}           // closed when a fifth of all is registered
}

// gather signs in users that nobody is yet, lets each follow two categories and open a stream.
func (s *stage) gather(ctx context.Context, by chance) (*crowd, error) {
	s.played++
	c := &crowd{name: fmt.Sprintf("e%d", s.played), follows: map[int64][]string{}, shown: map[int64]map[int64]int{}, some: make(chan struct{})}
	listening, leave := context.WithCancel(ctx)
	c.leave = leave
	var opened sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: users, DisableCompression: true}
	streams := &http.Transport{DisableCompression: true, DialContext: c.dial}
	group, signing := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for n := range users {
		u, err := client.SignIn(ctx, transport, s.house.url(), int64(1000*s.played+n+1))
		if err != nil {
			return c, err
		}
		c.people = append(c.people, u)
		listener, err := client.SignIn(ctx, streams, s.house.url(), u.ID)
		if err != nil {
			return c, err
		}
		first := by.IntN(categories)
		follows := []string{c.category(first), c.category((first + 1 + by.IntN(categories-1)) % categories)}
		c.follows[u.ID] = follows
		c.shown[u.ID] = map[int64]int{}
		group.Go(func() error {
			for _, category := range follows {
				if err := u.Follow(signing, category); err != nil {
					return err
				}
			}
			opened.Add(1)
			c.seen.Go(func() { listener.Stream(listening, opened.Done, func(i client.Item) { c.hear(u.ID, i) }) })
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return c, err
	}
	opened.Wait()
	return c, nil
}

// dial opens a connection for a stream.
func (c *crowd) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.offline {
		_ = conn.Close()
		return nil, errors.New("this browser is offline")
	}
	c.streams = append(c.streams, conn)
	return conn, nil
}

// goOffline cuts the streams until goOnline, when they begin anew where they were.
func (c *crowd) goOffline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.streams {
		_ = conn.Close()
	}
	c.streams, c.offline = nil, true
}

func (c *crowd) goOnline() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offline = false
}

func (c *crowd) category(n int) string { return fmt.Sprintf("%s-%d", c.name, n) }

// changedTitle begins the title of what was changed; a stream shows that once more.
const changedTitle = "changed "

func (c *crowd) hear(user int64, i client.Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen := c.shown[user][i.TalentID]; seen > 0 && len(i.Title) > len(changedTitle) && i.Title[:len(changedTitle)] == changedTitle {
		return
	}
	c.shown[user][i.TalentID]++
}

// wish is what a seller is going to do.
type wish struct {
	seller               *client.User
	body                 client.Talent
	key                  string
	repeat, alter, close bool
}

// work registers all talents, atOnce at a time and at the pace, and changes and closes some.
func (c *crowd) work(ctx context.Context, s *stage, by chance) error {
	var wishes []wish
	for n := range registrations {
		wishes = append(wishes, wish{
			seller: c.people[by.IntN(users)], key: fmt.Sprintf("%s-%06d", c.name, n),
			body:   client.Talent{Category: c.category(by.IntN(categories)), Title: fmt.Sprintf("talent %d", n), PriceKrw: int64(n), Tags: []string{"chaos"}},
			repeat: by.IntN(10) == 0, alter: by.IntN(10) == 0, close: by.IntN(20) == 0,
		})
	}
	every := by.IntN(registrations/plain) + 1
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n, w := range wishes {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return group.Wait()
		}
		group.Go(func() error { return c.grant(ctx, w) })
		if n == registrations/5 {
			close(c.some)
		}
		if at := n - every; at >= 0 && at%(registrations/plain) == 0 {
			group.Go(func() error { return c.writePlain(ctx, s, at/(registrations/plain)) })
		}
	}
	return group.Wait()
}

// grant does what w says, again and again until it is answered.
func (c *crowd) grant(ctx context.Context, w wish) error {
	id, err := w.seller.Register(ctx, w.body, w.key)
	if err != nil {
		return c.mind(ctx, fmt.Sprintf("registration %s", w.key), err)
	}
	t := &talent{id: id, seller: w.seller.ID, category: w.body.Category, title: w.body.Title, key: w.key, body: w.body}
	c.add(t)
	path := "/talents/" + strconv.FormatInt(id, 10)
	if w.repeat {
		if second, err := w.seller.Register(ctx, w.body, w.key); err != nil || second != id {
			return c.mind(ctx, fmt.Sprintf("the repeated registration %s, answered %d, then %d", w.key, id, second), err)
		}
	}
	if w.alter {
		t.title = changedTitle + w.body.Title
		if err := until(ctx, w.seller, http.MethodPatch, path, map[string]string{"title": t.title}); err != nil {
			return c.mind(ctx, "PATCH "+path, err)
		}
	}
	if w.close {
		t.closed = true
		if err := until(ctx, w.seller, http.MethodDelete, path, nil); err != nil {
			return c.mind(ctx, "DELETE "+path, err)
		}
	}
	return nil
}

// until asks until the answer is no 5xx.
func until(ctx context.Context, u *client.User, method, path string, in any) error {
	for {
		status, err := u.Do(ctx, method, path, in, nil, nil)
		if err == nil || status >= 400 && status < 500 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// mind notes a request that was refused for good.
func (c *crowd) mind(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = append(c.refused, fmt.Sprintf("%s: %v", what, err))
	return nil
}

// writePlain writes the message of another producer to Kafka, as soon as that is there.
func (c *crowd) writePlain(ctx context.Context, s *stage, n int) error {
	t := &talent{id: int64(5_000_000 + 1000*s.played + n), category: c.category(n % categories), title: fmt.Sprintf("plain %d", n)}
	text := fmt.Sprintf(`{"type":"new_talent","talent_id":%d,"title":%q,"category":%q}`, t.id, t.title, t.category)
	if err := s.kafka.ProduceSync(ctx, &kgo.Record{Topic: topic, Key: []byte(strconv.FormatInt(t.id, 10)), Value: []byte(text)}).FirstErr(); err != nil {
		return err
	}
	c.add(t)
	return nil
}

// add notes a talent that is registered.
func (c *crowd) add(t *talent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.talents = append(c.talents, t)
}

// wanted are the talents that a user has to have in the inbox at the end.
func (c *crowd) wanted(user int64) map[int64]*talent {
	all := map[int64]*talent{}
	for _, t := range c.talents {
		if !t.closed && t.seller != user && slices.Contains(c.follows[user], t.category) {
			all[t.id] = t
		}
	}
	return all
}

// unseen is how many (user, talent) no stream has shown yet.
func (c *crowd) unseen() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for user, shown := range c.shown {
		for id := range c.wanted(user) {
			if shown[id] == 0 {
				n++
			}
		}
	}
	return n
}
