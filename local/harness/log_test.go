package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLogged_is_the_last_failures_of_the_event(t *testing.T) {
	h := &Harness{logs: t.TempDir()}
	at := time.Date(2026, 11, 25, 9, 0, 7, 500_900_000, time.UTC)
	line := func(event, second, problem string) string {
		return `{"log.level":"warn","service.name":"f","event.id":"` + event + `","@timestamp":"2026-11-25T09:00:` + second + `Z","http.response.status_code":503,"error.message":"` + problem + `"}` + "\n"
	}
	text := line("e", "06", "of an event of that id before") + line("e2", "08", "another's") + "ready\n" +
		`{"log.level":"info","event.id":"e","@timestamp":"2026-11-25T09:00:08Z","http.response.status_code":204}` + "\n" + line("e", "07.500", "one") +
		strings.Repeat(line("e", "08", "two"), logLines-1) + line("e", "09", "the last")
	name := filepath.Join(h.logs, "f.log")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := h.logged("f", "e", at)
	if len(got) != logLines || got[0].Error != "two" || got[logLines-1].Error != "the last" || got[0].Status != 503 {
		t.Errorf("%+v", got)
	}
	if err := os.WriteFile(name, []byte(line("e", "06", "before")+line("e2", "08", "another's")+line("e", "07.500", "one")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got = h.logged("f", "e", at); len(got) != 1 || got[0].Error != "one" {
		t.Errorf("%+v, want what was logged in that millisecond and later", got)
	}
	if got = h.logged("g", "e", at); len(got) != 0 {
		t.Errorf("%+v of a function without a log", got)
	}
}
