package main

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"somssi/local/harness"
)

// ask asks the running harness.
func (c *cli) ask(ctx context.Context, method, path string, in, out any) error {
	run, err := c.running()
	if err != nil {
		return err
	}
	return c.mistake(harness.Ask(ctx, run, method, path, in, out))
}

// mistake is err as the caller's, where the harness finds that what was asked is wrong.
func (c *cli) mistake(err error) error {
	refused := new(harness.Refused)
	if errors.As(err, &refused) && slices.Contains([]int{http.StatusBadRequest, http.StatusConflict, http.StatusUnprocessableEntity}, refused.Status) {
		return inputError{err}
	}
	return err
}

// running is the harness that runs with its state in the chosen folder.
func (c *cli) running() (harness.Run, error) {
	state, err := c.stateFolder()
	if err != nil {
		return harness.Run{}, err
	}
	return harness.Running(state)
}
