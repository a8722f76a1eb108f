// Package demo does the main job from end to end and counts: people register
// talents, and everybody interested hears of each one once.
package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared/connect"
)

const (
	users  = 50
	clumsy = 10 // one in so many is registered twice
)

// Plan is what a run does.
type Plan struct {
	Talents int      // how many of the listings are registered
	Kill    []string // functions that are killed, one after the other, while that goes on
}

// demo is one run.
type demo struct {
	o        harness.Options
	plan     Plan
	h        *harness.Harness
	listings []client.Talent
	people   []*client.User
	follows  map[int64]map[string]bool // user → categories

	mu      sync.Mutex
	said    map[int64]time.Time           // talent → when 201 came
	by      map[int64]int64               // talent → seller
	of      map[int64]string              // talent → category
	arrived map[int64]map[int64]time.Time // user → talent → when its first frame came
	twice   int                           // frames of what had come before
}

// Run runs a plan in a house of its own, with its state in o.State, which must
// be empty, and reports what was found.
func Run(ctx context.Context, o harness.Options, plan Plan) (Report, error) {
	d := &demo{
		o: o, plan: plan, follows: map[int64]map[string]bool{}, said: map[int64]time.Time{}, by: map[int64]int64{},
		of: map[int64]string{}, arrived: map[int64]map[int64]time.Time{},
	}
	var err error
	if d.listings, err = read(filepath.Join(o.Root, "local", "testdata", "listings.jsonl")); err != nil {
		return Report{}, err
	}
	d.listings = d.listings[:min(plan.Talents, len(d.listings))]
	if d.h, err = harness.Start(ctx, o); err != nil {
		return Report{}, err
	}
	report, err := d.run(ctx)
	return report, errors.Join(err, d.h.Stop(context.WithoutCancel(ctx)))
}

func (d *demo) run(ctx context.Context) (Report, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := d.signIn(ctx); err != nil {
		return Report{}, err
	}
	if err := d.register(ctx); err != nil {
		return Report{}, err
	}
	d.o.Say("waiting until everybody has heard")
	d.settle(ctx)
	return d.report(ctx)
}

// signIn signs all users in, has each follow some categories and opens their streams.
func (d *demo) signIn(ctx context.Context) error {
	categories := map[string]int{}
	for _, t := range d.listings {
		if _, ok := categories[t.Category]; !ok {
			categories[t.Category] = len(categories)
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * users}
	var opened sync.WaitGroup
	followed := 0
	for id := int64(1); id <= users; id++ {
		u, err := client.SignIn(ctx, transport, d.h.Run.URL, id)
		if err != nil {
			return err
		}
		d.people = append(d.people, u)
		d.follows[id], d.arrived[id] = map[string]bool{}, map[int64]time.Time{}
		for category, n := range categories {
			if (int(id)*7+n*3)%5 == 0 {
				if err := u.Follow(ctx, category); err != nil {
					return err
				}
				d.follows[id][category] = true
				followed++
			}
		}
		opened.Add(1)
		go u.Stream(ctx, opened.Done, func(i client.Item) { d.got(u.ID, i.TalentID) })
	}
	opened.Wait()
	d.o.Say("%d users follow %d categories %d times and have their streams open", users, len(categories), followed)
	return nil
}

func (d *demo) got(user, talent int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.arrived[user][talent]; ok {
		d.twice++
		return
	}
	d.arrived[user][talent] = time.Now()
}

// register registers all listings, eight at a time, some of them twice, and
// spreads the killing over them.
func (d *demo) register(ctx context.Context) error {
	d.o.Say("registering %d talents, one in %d of them twice", len(d.listings), clumsy)
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, t := range d.listings {
		group.Go(func() error {
			for n, name := range d.plan.Kill {
				if i == len(d.listings)*(n+1)/(len(d.plan.Kill)+1) {
					d.kill(name)
				}
			}
			return d.registerOne(ctx, d.people[i%users], t, fmt.Sprintf("demo-%06d", i), i%clumsy == 0)
		})
	}
	err := group.Wait()
	d.o.Say("registered in %s", time.Since(began).Round(time.Millisecond))
	return err
}

func (d *demo) registerOne(ctx context.Context, u *client.User, t client.Talent, key string, again bool) error {
	talent, err := u.Register(ctx, t, key)
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.said[talent], d.by[talent], d.of[talent] = time.Now(), u.ID, t.Category
	d.mu.Unlock()
	if again {
		second, err := u.Register(ctx, t, key)
		if err == nil && second != talent {
			err = fmt.Errorf("the same request was answered with talent %d, then with %d", talent, second)
		}
		return err
	}
	return nil
}

func (d *demo) kill(name string) {
	if pid := d.h.Functions()[name].PID; pid > 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
		d.o.Say("killed %s (process %d) in the middle of it", name, pid)
	}
}

// settle waits until every expected frame has come, at most 60 s; what is then
// missing, the report says.
func (d *demo) settle(ctx context.Context) {
	client.Wait(ctx, time.Minute, func() bool {
		missing := 0
		d.mu.Lock()
		defer d.mu.Unlock()
		for user := range d.arrived {
			missing += len(d.expected(user)) - len(d.arrived[user])
		}
		return missing <= 0
	})
}

// expected are the talents that a user must hear of: of what he follows, and
// not his own. The caller holds mu.
func (d *demo) expected(user int64) map[int64]bool {
	all := map[int64]bool{}
	for talent, category := range d.of {
		if d.follows[user][category] && d.by[talent] != user {
			all[talent] = true
		}
	}
	return all
}

// events counts the distinct registrations in the topic.
func (d *demo) events(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	options, err := connect.Kafka(d.h.Run.Env["KAFKA_BROKERS"])
	if err != nil {
		return 0, err
	}
	consumer, err := kgo.NewClient(append(options, kgo.ConsumeTopics("new_talent_events"))...)
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	ids := map[string]bool{}
	for len(ids) < len(d.said) {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return len(ids), nil // what is not there by now is missing
		}
		fetches.EachRecord(func(r *kgo.Record) {
			var event struct{ ID string }
			if json.Unmarshal(r.Value, &event) == nil {
				ids[event.ID] = true
			}
		})
	}
	return len(ids), nil
}

func read(file string) (all []client.Talent, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var t client.Talent
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, t)
	}
	return all, nil
}
