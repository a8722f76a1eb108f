package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"somssi/local/manifest"
	"somssi/local/source"
)

// members are further members of all groups, which deliver as the house's do.
type members []*source.Source

// joinAll has another member join each group.
func (e *episode) joinAll(ctx context.Context) (members, error) {
	var all members
	for _, name := range e.template.Names() {
		for trigger, spec := range e.template.Functions[name].Triggers {
			if spec.Kafka == nil {
				continue
			}
			c, err := manifest.Config(e.template, name, trigger, []string{e.links[toKafka].Listen})
			if err != nil {
				return all, err
			}
			c.Transport, c.Log = &router{house: e.house}, zerolog.Nop()
			s, err := source.Start(context.WithoutCancel(ctx), c)
			if err != nil {
				return all, err
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// leave has them finish what they have, until ctx ends.
func (all members) leave(ctx context.Context) error {
	var wait sync.WaitGroup
	errs := make([]error, len(all))
	for i, s := range all {
		wait.Go(func() { errs[i] = s.Stop(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// router sends requests to a function, of which its host's first label is the
// name, to where the house runs it now.
type router struct {
	house *house
	mu    sync.Mutex
	known map[string]string
	asked time.Time
}

func (r *router) RoundTrip(request *http.Request) (*http.Response, error) {
	name, _, _ := strings.Cut(request.URL.Host, ".")
	r.mu.Lock()
	if time.Since(r.asked) > 200*time.Millisecond {
		if all, err := r.house.functions(); err == nil {
			r.known, r.asked = map[string]string{}, time.Now()
			for name, f := range all {
				r.known[name] = f.URL
			}
		}
	}
	target, err := url.Parse(r.known[name])
	r.mu.Unlock()
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("%s is not running", name)
	}
	sent, u := *request, *request.URL
	u.Host, sent.URL = target.Host, &u
	return http.DefaultTransport.RoundTrip(&sent)
}
