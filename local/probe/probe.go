// Package probe is an operator's smoke test and prober of a deployment, wherever it
// is: people register talents at a rate, others hear of each at their streams, and
// every registration that was answered must be told once.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"somssi/local/client"
)

const (
	perCategory  = 80               // registrations; a stream that comes back is told of at most 100
	mostOfThem   = 40               // categories; a timeline keeps 1,000
	mostUnderWay = 1000             // registrations
	answerIn     = 15 * time.Second // a request
	giveUpIn     = time.Minute      // a registration
	openIn       = 30 * time.Second // the streams
)

// Options say what is done to a deployment.
type Options struct {
	URL   string  // of the page and the API, without a path
	Count int     // registrations
	Rate  float64 // of them a second, at random intervals
	// Seller and Follower are tokens of two users; without them the development
	// issuer gives them.
	Seller, Follower string
	// Settle bounds the wait for what was answered and not yet shown.
	Settle time.Duration
	// Say tells a person what is going on, a line at a time.
	Say func(format string, args ...any)
}

// probe is one run.
type probe struct {
	o          Options
	name       string // begins the names of its categories and keys
	categories int    // each has one follower
	transport  *http.Transport
	seller     *client.User
	followers  []*client.User

	mu       sync.Mutex
	requests int
	failed   map[string]int        // requests, by status
	refused  []error               // registrations that no repetition mends, or that were given up
	said     map[int64]time.Time   // talent → when it was answered
	shown    map[int64][]time.Time // talent → when it was shown
}

// Run probes and judges. The error is of what kept it from doing so.
func Run(ctx context.Context, o Options) (Report, error) {
	now := time.Now().UnixMilli()
	p := &probe{
		o: o, name: "probe-" + strconv.FormatInt(now, 36), categories: min(mostOfThem, (o.Count+perCategory-1)/perCategory),
		failed: map[string]int{}, said: map[int64]time.Time{}, shown: map[int64][]time.Time{},
		transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: mostUnderWay, DisableCompression: true},
	}
	defer p.transport.CloseIdleConnections()
	if err := p.signIn(ctx, now*1000); err != nil {
		return Report{}, err
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	defer p.unfollow(context.WithoutCancel(ctx))
	if err := p.listen(ctx); err != nil {
		return Report{}, err
	}
	o.Say("%d registrations at %g a second, %d followers at their streams", o.Count, o.Rate, len(p.followers))
	if n := client.Arrive(ctx, uint64(now), o.Rate, o.Count, mostUnderWay, func(i int) { p.register(ctx, i) }); n > 0 {
		p.failed["not sent: too many were under way"] = n
	}
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	o.Say("waiting until all of them were shown")
	p.settle(ctx)
	return p.judge(ctx)
}

// signIn has users that nobody else is, with numbers from first on, or those of the tokens.
func (p *probe) signIn(ctx context.Context, first int64) (err error) {
	if p.o.Seller != "" {
		p.seller = client.WithToken(p.transport, p.o.URL, p.o.Seller)
		p.followers = []*client.User{client.WithToken(p.transport, p.o.URL, p.o.Follower)}
		return nil
	}
	for n := range 1 + p.categories {
		u, err := client.SignIn(ctx, p.transport, p.o.URL, first+int64(n))
		if err != nil {
			return fmt.Errorf("ask the development issuer for a token: %w; a deployment without one wants the tokens of two users", err)
		}
		if p.seller == nil {
			p.seller = u
		} else {
			p.followers = append(p.followers, u)
		}
	}
	return nil
}

func (p *probe) category(n int) string { return fmt.Sprintf("%s-%d", p.name, n%p.categories) }

// ours tells what was registered here from what the user of a token follows besides.
func (p *probe) ours(i client.Item) bool { return strings.HasPrefix(i.Category, p.name+"-") }

// listen has the categories followed, and opens the streams for as long as ctx lasts.
func (p *probe) listen(ctx context.Context) error {
	for n := range p.categories {
		if err := p.followers[n%len(p.followers)].Follow(ctx, p.category(n)); err != nil {
			return fmt.Errorf("follow a category: %w", err)
		}
	}
	open := make(chan struct{}, len(p.followers))
	for _, u := range p.followers {
		go u.Stream(ctx, sync.OnceFunc(func() { open <- struct{}{} }), func(i client.Item) {
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.ours(i) {
				p.shown[i.TalentID] = append(p.shown[i.TalentID], time.Now())
			}
		})
	}
	limit := time.After(openIn)
	for n := range p.followers {
		select {
		case <-open:
		case <-limit:
			return fmt.Errorf("%d of %d streams did not open within %s: GET %s/inbox/stream", len(p.followers)-n, len(p.followers), openIn, p.o.URL)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// unfollow leaves the users of tokens with what they followed before.
func (p *probe) unfollow(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerIn)
	defer cancel()
	for n := range p.categories {
		_, _ = p.followers[n%len(p.followers)].Do(ctx, http.MethodDelete, "/interests/categories/"+p.category(n), nil, nil, nil)
	}
}

// register registers one talent under one key until it is answered, as a careful
// client does, and notes each request that failed.
func (p *probe) register(ctx context.Context, i int) {
	t := client.Talent{Category: p.category(i), Title: fmt.Sprintf("probe %d", i), PriceKrw: 1, Tags: []string{"probe"}}
	ctx, cancel := context.WithTimeout(ctx, giveUpIn)
	defer cancel()
	for {
		limited, answered := context.WithTimeout(ctx, answerIn)
		talent, status, err := p.seller.TryRegister(limited, t, fmt.Sprintf("%s-%06d", p.name, i))
		answered()
		p.note(talent, status, err)
		if err == nil {
			return
		}
		select {
		case <-time.After(100 * time.Millisecond):
			if status < 400 || status >= 500 {
				continue
			}
		case <-ctx.Done():
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refused = append(p.refused, err)
		return
	}
}

func (p *probe) note(talent int64, status int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	switch {
	case err == nil:
		p.said[talent] = time.Now()
	case status != 0:
		p.failed[strconv.Itoa(status)]++
	case errors.Is(err, context.DeadlineExceeded):
		p.failed["no answer in time"]++
	default:
		p.failed["no answer"]++
	}
}

// settle waits until all that was answered was shown, at most so long as was given.
func (p *probe) settle(ctx context.Context) {
	client.Wait(ctx, p.o.Settle, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.shown) >= len(p.said)
	})
}
