package runner

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a function's binary that is written again and again: a script that
// runs this one with a setting.
type program string

func (p program) write(t *testing.T, setting string) {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock() // see keepFile
	defer syscall.ForkLock.RUnlock()
	next := string(p) + ".next"
	if err := os.WriteFile(next, []byte("#!/bin/sh\n"+setting+" exec "+binary+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, string(p)); err != nil {
		t.Fatal(err)
	}
}

func newProgram(t *testing.T) program {
	t.Helper()
	p := program(filepath.Join(t.TempDir(), "hold-mugs"))
	p.write(t, "")
	return p
}

// echo posts text, which is not sent again by itself, and returns the answer.
func echo(ctx context.Context, r *Runner, text io.Reader) (string, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://hold-mugs.somssi.svc.cluster.local/echo", io.NopCloser(text))
	if err != nil {
		return "", nil, err
	}
	request.Header["ce-id"] = []string{"7"} // as the source writes it
	response, err := r.RoundTrip(request)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return string(answer), response.Header, err
}

func TestReplace_loses_and_refuses_nothing(t *testing.T) {
	binary := newProgram(t)
	r, _, _ := start(t, Spec{Binary: string(binary), Revisions: t.TempDir(), Concurrency: 5})
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for worker := range 8 { // three of them wait for a place
		load.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				text := fmt.Sprintf("%d/%d", worker, n)
				if answer, _, err := echo(context.Background(), r, strings.NewReader(text)); err != nil || !strings.HasPrefix(answer, text+" by hold-mugs-0") {
					t.Errorf("%s: %q, %v", text, answer, err)
				}
			}
		})
	}
	before := r.Functions()["hold-mugs"]
	for want := 2; want < 6; want++ {
		if got, err := r.Replace(t.Context(), "hold-mugs"); err != nil || got != want {
			t.Fatalf("revision %d, %v, want %d", got, err, want)
		}
		if answer, _, err := echo(t.Context(), r, strings.NewReader("x")); err != nil || answer != fmt.Sprintf("x by hold-mugs-%05d", want) {
			t.Errorf("after revision %d: %q, %v", want, answer, err)
		}
	}
	cancel()
	load.Wait()
	if after := r.Functions()["hold-mugs"]; after.URL == before.URL || after.PID == before.PID || after.Revision != "hold-mugs-00005" {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

func TestReplace_finishes_what_is_in_flight_and_gives_the_rest_to_the_next(t *testing.T) {
	r, _, logs := start(t, Spec{Concurrency: 1})
	slow, body := io.Pipe()
	answers := make(chan string, 2)
	ask := func(text io.Reader) {
		answer, _, err := echo(t.Context(), r, text)
		answers <- fmt.Sprint(answer, err)
	}
	go ask(slow)
	_, _ = io.WriteString(body, "slow") // is read when the request has the place
	go ask(strings.NewReader("waiting"))
	if _, err := r.Replace(t.Context(), "hold-mugs"); err != nil {
		t.Fatal(err)
	}
	if got := <-answers; got != "waiting by hold-mugs-00002<nil>" {
		t.Errorf("what waited for a place: %s", got)
	}
	_ = body.Close()
	if got := <-answers; got != "slow by hold-mugs-00001<nil>" {
		t.Errorf("what was in flight: %s", got)
	}
	wait(t, "finished", func() string {
		text, _ := os.ReadFile(filepath.Join(logs, "hold-mugs.log"))
		return strings.TrimSpace(string(text))
	})
}

// wait waits until what is found has what is wanted.
func wait(t *testing.T, want string, find func() string) {
	t.Helper()
	limit, tick := time.After(time.Minute), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(find(), want) {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("found %q, want %q", find(), want)
		}
	}
}

func TestReplace_keeps_what_runs_where_the_next_does_not(t *testing.T) {
	binary := newProgram(t)
	r, heard, _ := start(t, Spec{Binary: string(binary), Revisions: t.TempDir()})
	before := r.Functions()["hold-mugs"]
	for _, tc := range []struct {
		setting string
		longest time.Duration
		want    []string
	}{
		{"BROKEN=1", time.Minute, []string{"revision 2 of hold-mugs does not start (exit status 1), revision 1 stays", "REDIS_URL is not set"}},
		{"NEVER_READY=1", 300 * time.Millisecond, []string{"revision 3 of hold-mugs does not start (context deadline exceeded), revision 1 stays"}},
	} {
		binary.write(t, tc.setting)
		ctx, cancel := context.WithTimeout(t.Context(), tc.longest)
		_, err := r.Replace(ctx, "hold-mugs")
		cancel()
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", tc.setting, err, want)
			}
		}
		if after := r.Functions()["hold-mugs"]; after != before {
			t.Errorf("%s: %+v, want %+v", tc.setting, after, before)
		}
	}
	if _, err := get(t.Context(), t, r, "/die"); err == nil { // it comes back as what it was, not as what its binary is now
		t.Error("a function that died has answered")
	}
	wait(t, "x by hold-mugs-00001", func() string {
		answer, _, err := echo(t.Context(), r, strings.NewReader("x")) // the first may still go to what died
		return fmt.Sprint(answer, err)
	})
	binary.write(t, "COLOUR=blue")
	if got, err := r.Replace(t.Context(), "hold-mugs"); err != nil || got != 4 {
		t.Errorf("mended: revision %d, %v", got, err)
	}
	if said := heard.String(); strings.Count(said, "started again") != 1 {
		t.Errorf("said %q, want one start again, of the revision in service", said)
	}
}
