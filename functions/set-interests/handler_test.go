package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/shared"
	"somssi/shared/eventtest"
)

const mina, juno = 42, 43

// house is the function on a test's stores, with a clock that goes on by 1 ms a look.
type house struct {
	handler
	routes http.Handler
	token  func(user int64, claims map[string]any) string
}

func build(t *testing.T, s eventtest.Stores) *house {
	t.Helper()
	users, token := eventtest.Users(t)
	h := &house{token: token, handler: handler{users, s.DB, s.Redis, time.Now}}
	var clock sync.Mutex
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("KST", 9*3600))
	h.now = func() time.Time {
		clock.Lock()
		defer clock.Unlock()
		now = now.Add(time.Millisecond)
		return now
	}
	h.routes = h.handler.routes()
	return h
}

// ask makes a request of user's and returns the answer's status and body.
func (h *house) ask(t *testing.T, user int64, method, path string) string {
	t.Helper()
	return h.send(httptest.NewRequestWithContext(t.Context(), method, path, nil), "Authorization", "Bearer "+h.token(user, nil))
}

func (h *house) send(r *http.Request, headers ...string) string {
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.routes.ServeHTTP(w, r)
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Body))
}

func TestInterests(t *testing.T) {
	long := strings.Repeat("a", 64)
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for _, tc := range []struct {
			user               int64
			method, path, want string // the answer begins with it
		}{
			{mina, "GET", "", `200 {"categories":[]}`},
			{mina, "PUT", "/categories/piano", "204"},
			{mina, "GET", "", `200 {"categories":[{"category":"piano","since":"2026-03-03T20:06:07.001Z"}]}`},
			{mina, "PUT", "/categories/piano", "204"},
			{mina, "GET", "", `200 {"categories":[{"category":"piano","since":"2026-03-03T20:06:07.001Z"}]}`},
			{juno, "GET", "", `200 {"categories":[]}`},
			{juno, "PUT", "/categories/piano", "204"},
			{juno, "GET", "", `200 {"categories":[{"category":"piano","since":"2026-03-03T20:06:07.003Z"}]}`},
			{mina, "PUT", "/categories/abc", "204"}, // a language would sort these otherwise
			{mina, "PUT", "/categories/ab-z", "204"},
			{mina, "PUT", "/categories/9", "204"},
			{mina, "GET", "", `200 {"categories":[{"category":"9","since":"2026-03-03T20:06:07.006Z"},{"category":"ab-z","since":"2026-03-03T20:06:07.005Z"},` +
				`{"category":"abc","since":"2026-03-03T20:06:07.004Z"},{"category":"piano","since":"2026-03-03T20:06:07.001Z"}]}`},
			{mina, "DELETE", "/categories/abc", "204"},
			{mina, "DELETE", "/categories/abc", "204"},
			{mina, "DELETE", "/categories/9", "204"},
			{mina, "DELETE", "/categories/ab-z", "204"},
			{mina, "DELETE", "/categories/piano", "204"},
			{mina, "GET", "", `200 {"categories":[]}`},
			{juno, "GET", "", `200 {"categories":[{"category":"piano","since":"2026-03-03T20:06:07.003Z"}]}`},
			{mina, "PUT", "/categories/piano", "204"},
			{mina, "GET", "", `200 {"categories":[{"category":"piano","since":"2026-03-03T20:06:07.007Z"}]}`},
			{mina, "PUT", "/categories/" + long, "204"},
			{mina, "PUT", "/categories/" + long + "a", `422 {"title":"Unprocessable Entity","status":422,"detail":"the request breaks a rule","errors":[{"field":"category",`},
			{mina, "PUT", "/categories/Piano", "422 "},
			{mina, "PUT", "/categories/%ED%94%BC%EC%95%84%EB%85%B8", "422 "},
			{mina, "PUT", "/categories/a%2Fb", "422 "},
			{mina, "PUT", "/categories/a%0A", "422 "},
			{mina, "PUT", "/categories/*", "422 "},
			{mina, "DELETE", "/categories/Piano", "422 "},
			{mina, "PUT", "/categories/", "404 "},
			{mina, "POST", "/categories/piano", "405 "},
		} {
			t.Run(tc.method+tc.path, func(t *testing.T) {
				if got := h.ask(t, tc.user, tc.method, "/interests"+tc.path); !strings.HasPrefix(got, tc.want) || tc.want == "204" && got != tc.want {
					t.Errorf("%s, want %s", got, tc.want)
				}
			})
		}
	})
}

func TestTokens(t *testing.T) {
	h := build(t, eventtest.Embedded(t))
	good := h.token(mina, nil)
	payload := strings.Split(good, ".")[1]
	for _, tc := range []struct {
		name, header, value string
		passes              bool
	}{
		{"none", "X", "", false},
		{"another_audience", "Authorization", "Bearer " + h.token(mina, map[string]any{"aud": "shop"}), false},
		{"another_issuer", "Authorization", "Bearer " + h.token(mina, map[string]any{"iss": "https://elsewhere.example"}), false},
		{"expired", "Authorization", "Bearer " + h.token(mina, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), false},
		{"garbage", "Authorization", "Bearer garbage", false},
		{"no_algorithm", "Authorization", "Bearer eyJhbGciOiJub25lIn0." + payload + ".", false},
		{"sub_no_number", "Authorization", "Bearer " + h.token(mina, map[string]any{"sub": "mina"}), false},
		{"bad_cookie", "Cookie", "session=garbage", false},
		{"cookie", "Cookie", "session=" + good, true},
		{"bearer", "Authorization", "Bearer " + good, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for ask, want := range map[string]string{"GET /interests": "200 ", "PUT /interests/categories/a": "204", "DELETE /interests/categories/a": "204"} {
				if !tc.passes {
					want = "401 "
				}
				method, path, _ := strings.Cut(ask, " ")
				if got := h.send(httptest.NewRequestWithContext(t.Context(), method, path, nil), tc.header, tc.value); !strings.HasPrefix(got, want) {
					t.Errorf("%s: %s, want %s", ask, got, want)
				}
			}
		})
	}
}

func TestAtMost50(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		for i := range 50 {
			if got := h.ask(t, mina, "PUT", fmt.Sprint("/interests/categories/c", i)); got != "204" {
				t.Fatal(got)
			}
		}
		for _, tc := range []struct {
			user               int64
			method, path, want string
		}{
			{mina, "PUT", "/interests/categories/c50", `422 {"title":"Unprocessable Entity","status":422,"detail":"the request breaks a rule",` +
				`"errors":[{"field":"category","reason":"is one more than the 50 that a user can follow"}]}`},
			{mina, "PUT", "/interests/categories/c7", "204"},
			{juno, "PUT", "/interests/categories/c50", "204"},
			{mina, "DELETE", "/interests/categories/c7", "204"},
			{mina, "PUT", "/interests/categories/c50", "204"},
		} {
			if got := h.ask(t, tc.user, tc.method, tc.path); got != tc.want {
				t.Errorf("%s %s: %s, want %s", tc.method, tc.path, got, tc.want)
			}
		}
	})
}

// Sixteen ask at once for the two places that are left, in several rounds,
// because a round may by chance go one after the other.
func TestAtMost50AtOnce(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		const n = 16
		for user := range int64(10) {
			for i := range 48 {
				if _, err := s.DB.ExecContext(t.Context(), `INSERT INTO interests (user_id, category, since_ms) VALUES ($1, $2, $3)`, user+1, fmt.Sprint("c", i), i); err != nil {
					t.Fatal(err)
				}
			}
			token := "Bearer " + h.token(user+1, nil)
			var all sync.WaitGroup
			answers, gate, given := make(chan string, n), make(chan struct{}), map[string]int{}
			for i := range n {
				r := httptest.NewRequestWithContext(t.Context(), "PUT", fmt.Sprint("/interests/categories/a", i), nil)
				all.Go(func() {
					<-gate
					answers <- h.send(r, "Authorization", token)[:3]
				})
			}
			close(gate)
			all.Wait()
			close(answers)
			for answer := range answers {
				given[answer]++
			}
			var followed int
			if err := s.DB.QueryRowContext(t.Context(), `SELECT count(*) FROM interests WHERE user_id = $1`, user+1).Scan(&followed); err != nil {
				t.Fatal(err)
			}
			if given["204"] != 2 || given["422"] != n-2 || followed != 50 {
				t.Errorf("answers %v and %d followed, want 2 of 204 and 50", given, followed)
			}
		}
	})
}

func TestHints(t *testing.T) {
	eventtest.Each(t, func(t *testing.T, s eventtest.Stores) {
		h := build(t, s)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hints := s.Redis.Subscribe(ctx, shared.UserHints(mina), shared.UserHints(juno))
		defer hints.Close()
		for range 2 { // both subscriptions
			if _, err := hints.Receive(ctx); err != nil {
				t.Fatal(err)
			}
		}
		for _, ask := range []struct {
			user         int64
			method, path string
			hint         bool
		}{
			{mina, "PUT", "/interests/categories/piano", true},
			{mina, "PUT", "/interests/categories/Piano", false},
			{mina, "GET", "/interests", false},
			{juno, "PUT", "/interests/categories/piano", true},
			{mina, "DELETE", "/interests/categories/piano", true},
		} {
			h.ask(t, ask.user, ask.method, ask.path)
			if !ask.hint {
				continue // the next hint would be another one
			}
			m, err := hints.ReceiveMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if m.Channel != shared.UserHints(ask.user) || m.Payload != fmt.Sprint(ask.user) {
				t.Errorf("%s %s of %d: %s on %s", ask.method, ask.path, ask.user, m.Payload, m.Channel)
			}
		}
	})
}

func TestStoresAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	hung := redis.NewClient(&redis.Options{Addr: listener.Addr().String(), ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = hung.Close() })
	for _, tc := range []struct {
		name      string
		stores    eventtest.Stores
		put, list string
	}{
		{"redis_away", eventtest.Stores{DB: eventtest.Embedded(t).DB, Redis: eventtest.RedisAway(t)}, "204", "200 "},
		{"redis_hung", eventtest.Stores{DB: eventtest.Embedded(t).DB, Redis: hung}, "204", "200 "},
		{"sql_away", eventtest.Stores{DB: eventtest.SQLAway(t), Redis: eventtest.Embedded(t).Redis}, "503 ", "503 "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := build(t, tc.stores)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // less than go-redis waits by itself
			defer cancel()
			for ask, want := range map[string]string{"PUT /interests/categories/a": tc.put, "DELETE /interests/categories/b": tc.put, "GET /interests": tc.list} {
				method, path, _ := strings.Cut(ask, " ")
				if got := h.send(httptest.NewRequestWithContext(ctx, method, path, nil), "Authorization", "Bearer "+h.token(mina, nil)); !strings.HasPrefix(got, want) || strings.Contains(got, "sql") {
					t.Errorf("%s: %s, want %s", ask, got, want)
				}
			}
			if ctx.Err() != nil {
				t.Error("the answers took longer than 2 s")
			}
		})
	}
}
