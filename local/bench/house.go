package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/shared/connect"
)

// house is a harness of the run's own, on free ports, and the users in it.
type house struct {
	*harness.Harness
	users []*client.User
	logs  string // folder of the functions' logs
}

// startHouse starts a harness with users. Its state goes with the bench's temp.
func (b *bench) startHouse(ctx context.Context, state string, users int) (*house, error) {
	state = filepath.Join(b.temp, state)
	started, err := harness.Start(ctx, harness.Options{Root: b.root, State: state, Say: func(string, ...any) {}})
	if err != nil {
		return nil, err
	}
	h := &house{Harness: started, logs: filepath.Join(state, "logs")}
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * users}
	for id := range users {
		u, err := client.SignIn(ctx, transport, h.Run.URL, int64(id+1))
		if err != nil {
			h.end()
			return nil, err
		}
		h.users = append(h.users, u)
	}
	return h, nil
}

// streams opens one of each of users and returns when all are open.
func (h *house) streams(ctx context.Context, users []*client.User, got func(user *client.User, i client.Item)) {
	var opened sync.WaitGroup
	opened.Add(len(users))
	for _, u := range users {
		go u.Stream(ctx, opened.Done, func(i client.Item) { got(u, i) })
	}
	opened.Wait()
}

// answering is the median of what a function's log says of its POSTs, in ms.
func (h *house) answering(function string) (float64, error) {
	text, err := os.ReadFile(filepath.Join(h.logs, function+".log"))
	if err != nil {
		return 0, err
	}
	var all []float64
	for line := range bytes.Lines(text) {
		var request struct {
			Method string
			Ms     float64
		}
		if json.Unmarshal(line, &request) == nil && request.Method == "POST" {
			all = append(all, request.Ms)
		}
	}
	if len(all) == 0 {
		return 0, fmt.Errorf("the log of %s tells of no POST", function)
	}
	return median(all), nil
}

// commit is the median time of a small durable commit to the house's SQL, in ms.
func (h *house) commit(ctx context.Context) (float64, error) {
	db, err := connect.SQL(h.Run.Env["DATABASE_URL"])
	if err != nil {
		return 0, err
	}
	defer func() { _ = db.Close() }()
	var all []float64
	for i := range 40 {
		began := time.Now()
		_, err := db.ExecContext(ctx, `INSERT INTO seen (user_id, up_to_ms) VALUES (0, $1)
			ON CONFLICT (user_id) DO UPDATE SET up_to_ms = excluded.up_to_ms`, i) // nobody is user 0
		if err != nil {
			return 0, fmt.Errorf("commit to SQL: %w", err)
		}
		all = append(all, ms(time.Since(began)))
	}
	_, err = db.ExecContext(ctx, `DELETE FROM seen WHERE user_id = 0`)
	return median(all), err
}

func (h *house) end() { _ = h.Stop(context.Background()) } // what it says is not what is measured
