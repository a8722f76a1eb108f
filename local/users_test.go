package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/local/parts/secured"
	"somssi/local/template"
	"somssi/shared/eventtest"
)

// A whole house, each of whose functions is its own user of Redis as infra/knative
// has them: all that it does it may, and nothing is asked that it may not.
func TestHouse_knows_functions_by_their_users_of_Redis(t *testing.T) {
	o := options(t, stateOf(t))
	t.Setenv("REDIS_URL", redisWithUsers(t))
	o.File = loggedIn(t, o.Root)
	h := start(t, o)
	defer func() {
		denied, err := redisOf(t, h).ACLLog(context.WithoutCancel(t.Context()), 100).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range denied {
			t.Errorf("%s was denied the %s %s", d.Username, d.Reason, d.Object)
		}
	}()
	mends(t, h)

	u := newcomer(t, h)
	if _, err := u.Do(t.Context(), http.MethodGet, "/stats", nil, nil, nil); err != nil {
		t.Error(err)
	}
	follow(t, u, "mended")
	if _, err := newcomer(t, h).Register(t.Context(), client.Talent{Category: "mended", Title: "last", PriceKrw: 1}, "users-of-redis"); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "1", func() string {
		items, _, _ := u.Inbox(t.Context())
		return fmt.Sprint(len(items))
	})
	if _, err := u.Do(t.Context(), http.MethodPost, "/inbox/seen", map[string]any{"upTo": time.Now()}, nil, nil); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"notify-interested", "update-stats"} {
		if err := harness.Rebuild(t.Context(), filepath.Join(harness.Binaries(o.Root), name), append(environment(h), "REDIS_URL="+as(name))); err != nil {
			t.Error(err)
		}
	}
	known := redisOf(t, h).Do(t.Context(), "CLIENT", "LIST").String()
	for _, name := range []string{"notify-interested", "stream-inbox", "update-stats"} {
		if !strings.Contains(known, "user="+name) {
			t.Errorf("nobody is logged in as %s", name)
		}
	}
}

// redisWithUsers is the address of a Redis, for its operator, that has the users of
// infra/knative, and nobody else.
func redisWithUsers(t *testing.T) string {
	t.Helper()
	users := []string{"user operator on >" + secured.Password + " ~* &* +@all"}
	for line := range strings.Lines(read(t, "../infra/knative/redis/users.acl")) {
		if strings.HasPrefix(line, "user ") && !strings.HasPrefix(line, "user default ") { // who is off there already
			users = append(users, strings.TrimSpace(line)+" >"+secured.Password)
		}
	}
	port := secured.Redis(t, nil, "localhost", secured.Folder(t), users...)
	if anybody := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("localhost:%d", port)}); anybody.Ping(t.Context()).Err() == nil {
		t.Error("Redis takes whom it does not know")
	}
	return fmt.Sprintf("redis://%slocalhost:%d", secured.Login("operator"), port)
}

// as is the address of Redis with the login of a function.
func as(name string) string {
	return strings.Replace(os.Getenv("REDIS_URL"), "//operator:", "//"+name+":", 1)
}

// loggedIn is a template.yaml that gives each function the address of Redis with its
// own login.
func loggedIn(t *testing.T, root string) string {
	t.Helper()
	file := filepath.Join(root, "template.yaml")
	parsed, err := template.Load(file, "")
	if err != nil {
		t.Fatal(err)
	}
	var local strings.Builder
	local.WriteString("environments:\n  local:\n    functions:\n")
	for _, name := range parsed.Names() {
		fmt.Fprintf(&local, "      %s: {env: {REDIS_URL: %q}}\n", name, as(name))
	}
	text := strings.Replace(read(t, file), "environments:\n", local.String(), 1)
	file = filepath.Join(t.TempDir(), "template.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
