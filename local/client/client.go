// Package client is a user of a house, running here or elsewhere: it speaks to the
// gateway as a browser does.
package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// User is one user, with a token.
type User struct {
	ID    int64
	base  string
	token string
	http  *http.Client
}

// SignIn asks the development issuer of the house at base for a token.
func SignIn(ctx context.Context, transport http.RoundTripper, base string, user int64) (*User, error) {
	u := &User{ID: user, base: base, http: &http.Client{Transport: transport}}
	var answer struct{ Token string }
	_, err := u.Do(ctx, http.MethodPost, "/dev/token", map[string]int64{"user": user}, &answer, nil)
	u.token = answer.Token
	return u, err
}

// WithToken is the user of a token that was had elsewhere.
func WithToken(transport http.RoundTripper, base, token string) *User {
	return &User{base: base, token: token, http: &http.Client{Transport: transport}}
}

// Do sends in as JSON, if it is not nil, and reads the answer into out, if it is
// not nil. An answer that is not 2xx is an error with its status and text.
func (u *User) Do(ctx context.Context, method, path string, in, out any, header map[string]string) (int, error) {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, u.base+path, body)
	if err != nil {
		return 0, err
	}
	request.GetBody = nil // with it net/http repeats some requests by itself, and nobody hears that they failed
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+u.token)
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := u.http.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s %s", method, path, response.Status, text)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return response.StatusCode, err
}

// Talent is what a user registers.
type Talent struct {
	Category string   `json:"category"`
	Title    string   `json:"title"`
	PriceKrw int64    `json:"priceKrw"`
	Tags     []string `json:"tags"`
}

// Register registers a talent under an idempotency key, again and again until
// the house says 201 or ctx ends, as a careful client does.
func (u *User) Register(ctx context.Context, t Talent, key string) (talent int64, err error) {
	for {
		talent, status, err := u.TryRegister(ctx, t, key)
		if err == nil || (status >= 400 && status < 500) {
			return talent, err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TryRegister is one request of Register. Status is 0 where there was no answer.
func (u *User) TryRegister(ctx context.Context, t Talent, key string) (talent int64, status int, err error) {
	var answer struct{ TalentID int64 }
	status, err = u.Do(ctx, http.MethodPost, "/talents", t, &answer, map[string]string{"Idempotency-Key": key})
	return answer.TalentID, status, err
}

// Follow follows a category.
func (u *User) Follow(ctx context.Context, category string) error {
	_, err := u.Do(ctx, http.MethodPut, "/interests/categories/"+category, nil, nil, nil)
	return err
}

// Item is one notification.
type Item struct {
	ID       string    `json:"id"`
	TalentID int64     `json:"talentId"`
	Title    string    `json:"title"`
	Category string    `json:"category"`
	PriceKrw int64     `json:"priceKrw"`
	At       time.Time `json:"at"`
	Read     bool      `json:"read"`
}

// Inbox is the whole inbox, newest first.
func (u *User) Inbox(ctx context.Context) (all []Item, badge int, err error) {
	for path := "/inbox"; ; {
		var page struct {
			Items []Item
			Badge int
			Next  string
		}
		if _, err := u.Do(ctx, http.MethodGet, path, nil, &page, nil); err != nil {
			return nil, 0, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, page.Badge, nil
		}
		path = "/inbox?cursor=" + url.QueryEscape(page.Next)
	}
}

// Stream reads the user's stream until ctx ends: got is called with each
// notification, opened once it is open. A stream that ends is opened again
// where it was; what comes again then is dropped by its id, as the page does.
// Where too much was missed for that, the inbox is loaded instead.
func (u *User) Stream(ctx context.Context, opened func(), got func(Item)) {
	last, before, now := "", map[string]bool{}, map[string]bool{}
	for ctx.Err() == nil {
		last = u.stream(ctx, last, opened, func(i Item) {
			if now[i.ID] = true; !before[i.ID] {
				got(i)
			}
		}, func() {
			for _, i := range u.load(ctx) {
				if !before[i.ID] && !now[i.ID] {
					got(i)
				}
				before[i.ID] = true // also where its own frame is still to come
			}
		})
		maps.Copy(before, now)
		opened = func() {}
		pause(ctx)
	}
}

// load is the inbox, asked for until it comes or ctx ends.
func (u *User) load(ctx context.Context) []Item {
	for ctx.Err() == nil {
		if all, _, err := u.Inbox(ctx); err == nil {
			return all
		}
		pause(ctx)
	}
	return nil
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(200 * time.Millisecond):
	}
}

func (u *User) stream(ctx context.Context, last string, opened func(), got func(Item), reset func()) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.base+"/inbox/stream", http.NoBody)
	if err != nil {
		return last
	}
	request.Header.Set("Authorization", "Bearer "+u.token)
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
	}
	response, err := u.http.Do(request)
	if err != nil {
		return last
	}
	defer func() { _ = response.Body.Close() }()
	event := ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "retry":
			opened()
		case "id":
			last = value
		case "event":
			event = value
		case "data":
			var item Item
			switch {
			case event == "reset":
				reset()
			case event == "notification" && json.Unmarshal([]byte(value), &item) == nil:
				got(item)
			}
		}
	}
	return last
}
