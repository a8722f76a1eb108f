package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"somssi/local/harness"
	"somssi/shared/eventtest"
)

// A function is saved while its events go on: none is refused by the old or the
// new one. Then it is idle, and one more event starts it.
func TestWatch_loses_nothing_and_starts_what_is_idle(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a house of its own")
	}
	root := t.TempDir()
	shell(t, "..", `git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "`+root+`"`)
	save := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	small := `version: 1
app: somssi
namespace: somssi
globals:
  env: {REDIS_URL: "${REDIS_URL}", DATABASE_URL: "${DATABASE_URL}"}
  delivery: {retry: 3, backoffPolicy: linear, backoffDelay: 100ms, timeout: 20s}
topics: {new_talent_events: {partitions: 5}}
functions:
  update-stats: {scale: {min: 0}, triggers: {talents: {kafka: {topics: [new_talent_events], group: g, from: earliest, ordering: unordered}}}}
`
	save("template.yaml", small)
	var mu sync.Mutex
	var lines strings.Builder
	said := func() string {
		mu.Lock()
		defer mu.Unlock()
		return lines.String()
	}
	o := options(t, t.TempDir())
	o.Root, o.Watch, o.Idle = root, true, 700*time.Millisecond
	o.Say = func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&lines, format+"\n", args...)
	}
	h, err := harness.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := h.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(said())
		}
	}()
	source, err := os.ReadFile(filepath.Join(root, "functions/update-stats/main.go"))
	if err != nil {
		t.Fatal(err)
	}
	save("functions/update-stats/main.go", string(source)+"\nfunc init() { println(`saved`) }\n")
	sent := 0
	for limit := time.Now().Add(time.Minute); h.Functions()["update-stats"].Revision != "update-stats-00002"; sent++ {
		write(t, h, fmt.Sprintf(`{"type":"new_talent","talent_id":%d,"title":"x","category":"watched"}`, 7000+sent))
		if time.Now().After(limit) {
			t.Fatalf("%+v after a minute", h.Functions())
		}
	}
	delivered := func() string {
		all, last := h.History.After(0), 0
		for _, d := range all {
			if last = d.Number; d.Fate != "done" || len(d.Attempts) != 1 {
				return fmt.Sprintf("%+v", d)
			}
		}
		return fmt.Sprintf("%d done at the first try", last)
	}
	eventtest.Eventually(t, fmt.Sprintf("%d done at the first try", sent), delivered)

	eventtest.Eventually(t, "pid 0", func() string { return fmt.Sprintf("pid %d", h.Functions()["update-stats"].PID) })
	write(t, h, `{"type":"new_talent","talent_id":6999,"title":"x","category":"watched"}`)
	eventtest.Eventually(t, fmt.Sprintf("%d done at the first try", sent+1), delivered)

	save("template.yaml", strings.Replace(small, "scale:", "skale:", 1))
	has := func(want string) {
		t.Helper()
		eventtest.Eventually(t, "said", func() string { return map[bool]string{true: "said"}[strings.Contains(said(), want)] })
	}
	has(`template.yaml:9:18 error T004 unknown key "skale" in functions.update-stats`)
	save("template.yaml", strings.Replace(small, "min: 0", "min: 1", 1))
	has("start again to apply it")
	for _, want := range []string{"update-stats rebuilt in ", "revision 2 takes over", "update-stats idle for 700ms: stopped", "update-stats started in ", " by an event"} {
		has(want)
	}
}
