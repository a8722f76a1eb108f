package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"somssi/local/dlq"
	"somssi/local/harness"
	"somssi/local/source"
)

// redriven is what came of one letter.
type redriven struct {
	Key        string `json:"key"`
	Function   string `json:"function"`
	Event      string `json:"event"`
	Result     string `json:"result"` // done, failed, gone, or would be sent
	Status     int    `json:"status,omitempty"`
	TookMs     int64  `json:"tookMs,omitempty"`
	Why        string `json:"why,omitempty"`
	FromRecord bool   `json:"fromRecord,omitempty"`
}

// String is a line for people.
func (r redriven) String() string {
	parts := []string{r.Key, cmp.Or(r.Function, "-"), printable(r.Event), r.Result}
	if r.Status > 0 {
		parts = append(parts, fmt.Sprintf("%d in %d ms", r.Status, r.TookMs))
	}
	if r.Why != "" {
		parts = append(parts, printable(r.Why))
	}
	return strings.Join(parts, "  ")
}

// send sends one letter. Its errors are those of the harness and of SQL, where
// the next letter would fare no better.
func (r *redriven) send(ctx context.Context, run harness.Run, db *sql.DB, of listed) error {
	l, err := dlq.Read(ctx, db, of.Key)
	if errors.Is(err, dlq.ErrGone) { // another redrive was quicker
		r.Result = "gone"
		return nil
	}
	if err != nil {
		return err
	}
	answer, err := again(ctx, run, l)
	if err != nil {
		refused := new(harness.Refused) // the template has no such function any more
		if !errors.As(err, &refused) || refused.Status >= http.StatusInternalServerError {
			return err
		}
		r.Result, r.Why = "failed", err.Error()
		return dlq.Redriven(ctx, db, l.Key)
	}
	r.Status, r.TookMs, r.FromRecord = answer.Status, answer.TookMs, answer.FromRecord
	if answer.Fate != source.Done {
		r.Result = "failed"
		r.Why = cmp.Or(answer.Error, strings.Join(bodyLines(answer.Invoked), ": "))
		return dlq.Redriven(ctx, db, l.Key)
	}
	r.Result = source.Done
	return dlq.Delete(ctx, db, l.Key)
}

// again sends a letter by way of the harness.
func again(ctx context.Context, run harness.Run, l dlq.Letter) (answer harness.Redriven, err error) {
	if l.Function == "" {
		return answer, &harness.Refused{Status: http.StatusBadRequest, Detail: "no function is known that did not take it"}
	}
	dead := harness.Dead{Attributes: l.Original(), Data: l.Data}
	return answer, harness.Ask(ctx, run, http.MethodPost, "/dev/redrive/"+url.PathEscape(l.Function), dead, &answer)
}
