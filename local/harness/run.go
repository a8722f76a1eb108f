package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"somssi/shared"
)

func runFile(state string) string { return filepath.Join(state, "run.json") }

// lock makes the state folder this process's alone until release.
func lock(state string) (release func(), err error) {
	if err := os.MkdirAll(state, 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(state, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("a harness is running already with its state in %s: use it, stop it, or choose another folder with --state", state)
	}
	return func() {
		_ = os.Remove(runFile(state))
		_ = file.Close()
	}, nil
}

// open makes the state folder the harness's own, and listens for its gateway.
func (h *Harness) open(o Options) (net.Listener, error) {
	var err error
	if h.release, err = lock(o.State); err != nil {
		return nil, err
	}
	history, err := OpenHistory(filepath.Join(o.State, "history"), o.Say)
	if err != nil {
		return nil, err
	}
	h.History = history
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.Port))
	if err != nil {
		return nil, fmt.Errorf("port %d for the page is in use by another program: stop that program or choose another with --port (0 for any free one)", o.Port)
	}
	h.Run = Run{PID: os.Getpid(), URL: "http://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)}
	return listener, nil
}

// serve serves until Stop.
func (h *Harness) serve(listener net.Listener, handler http.Handler) {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	h.servers = append(h.servers, server)
	go func() { _ = server.Serve(listener) }()
}

// write tells the command line that this harness runs, and how it is reached.
func (h *Harness) write(state string) error {
	text, err := json.MarshalIndent(h.Run, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(runFile(state), text, 0o600)
}

// ErrNotRunning is that no harness runs with its state in that folder.
var ErrNotRunning = errors.New("no harness is running here: start one with make run")

// Running asks the harness with its state in that folder how it is reached now.
func Running(state string) (Run, error) {
	var run Run
	text, err := os.ReadFile(runFile(state))
	if errors.Is(err, os.ErrNotExist) {
		return run, ErrNotRunning
	}
	if err == nil {
		err = json.Unmarshal(text, &run)
	}
	if err != nil {
		return run, err
	}
	return run, Get(run, "/dev/env", &run)
}

// Refused is what the harness answers where it does not do what was asked: its
// status, and what to do about it.
type Refused struct {
	Status int
	Detail string
}

func (r *Refused) Error() string { return r.Detail }

// Get reads what the running harness answers at path, as JSON, into v.
func Get(run Run, path string, v any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return Ask(ctx, run, http.MethodGet, path, nil, v)
}

// Ask sends in as JSON, unless it is nil, and reads the answer into out. An
// answer that is not OK is a *Refused, a harness that is gone ErrNotRunning.
func Ask(ctx context.Context, run Run, method, path string, in, out any) error {
	answer, err := open(ctx, run, method, path, in)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }()
	return json.NewDecoder(answer).Decode(out)
}

// open is Ask for an answer that is read as it comes.
func open(ctx context.Context, run Run, method, path string, in any) (io.ReadCloser, error) {
	var body io.Reader = http.NoBody
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, run.URL+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ask the harness at %s: %w", run.URL, ctx.Err())
	case err != nil:
		return nil, ErrNotRunning // it was killed and left its file
	case response.StatusCode == http.StatusOK:
		return response.Body, nil
	}
	defer func() { _ = response.Body.Close() }()
	var problem shared.Problem
	if json.NewDecoder(response.Body).Decode(&problem) != nil || problem.Detail == "" {
		problem.Detail = fmt.Sprintf("%s answers %s to %s", run.URL, response.Status, path)
	}
	return nil, &Refused{response.StatusCode, problem.Detail}
}

// Replay replays at the running harness and returns how it ended. tell is
// called as it goes.
func Replay(ctx context.Context, run Run, q ReplayRequest, tell func(Progress)) (last Progress, err error) {
	answer, err := open(ctx, run, http.MethodPost, "/dev/replay", q)
	if err != nil {
		return last, err
	}
	defer func() { _ = answer.Close() }()
	for lines := json.NewDecoder(answer); ; {
		last = Progress{}
		switch err := lines.Decode(&last); {
		case err != nil:
			return last, fmt.Errorf("the harness stopped in the middle of the replay: %w", err)
		case last.Error != "":
			return last, errors.New(last.Error)
		case last.Done:
			return last, nil
		}
		tell(last)
	}
}
