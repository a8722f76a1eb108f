package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"
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

// Get reads what the running harness answers at path, as JSON, into v.
func Get(run Run, path string, v any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, run.URL+path, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return ErrNotRunning // it was killed and left its file
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s to %s", run.URL, response.Status, path)
	}
	return json.NewDecoder(response.Body).Decode(v)
}
