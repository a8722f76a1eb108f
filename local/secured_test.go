package main

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"somssi/local/client"
	"somssi/local/harness"
	"somssi/local/parts/secured"
	"somssi/shared/eventtest"
)

// The whole house on a Kafka, a Redis and a PostgreSQL with TLS and logins: what
// is registered reaches who follows it, and no password is in a log.
func TestLocal_up_on_secured_parts(t *testing.T) {
	dir := secured.Folder(t)
	ca := secured.NewCA(t, t.TempDir())
	sql, kafka, redis := secured.SQL(t, ca, "localhost", dir), secured.Kafka(t, ca, "localhost", tls.NoClientCert), secured.Redis(t, ca, "localhost", dir)
	state, login := t.TempDir(), secured.Login("somssi")
	env := append(os.Environ(), asCommand+"=1", "SSL_CERT_FILE="+ca.File,
		fmt.Sprintf("KAFKA_BROKERS=kafkas://%slocalhost:%d", login, kafka),
		fmt.Sprintf("REDIS_URL=rediss://%slocalhost:%d", login, redis),
		fmt.Sprintf("DATABASE_URL=postgres://%slocalhost:%d/somssi?sslmode=verify-full", login, sql))
	command := func(args ...string) *exec.Cmd {
		c := exec.CommandContext(t.Context(), os.Args[0], args...)
		c.Dir, c.Env = "..", env
		return c
	}
	text, _ := command("doctor").Output() // it may miss a tool
	for _, want := range []string{`ok\s+KAFKA_BROKERS\s+kafkas://localhost:\d+ Kafka, brokers: 1`, `ok\s+REDIS_URL\s+rediss://localhost:\d+ Redis`, `ok\s+DATABASE_URL\s+postgres://localhost:\d+/somssi SQL`} {
		if !regexp.MustCompile(want).Match(text) || strings.Contains(string(text), "p%40ss") {
			t.Errorf("doctor says %s, want %s", text, want)
		}
	}

	up := command("up", "--port", "0", "-o", "json", "--state", state)
	out, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	up.Stderr = &said
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = up.Process.Kill() }()
	var run harness.Run
	if err := json.NewDecoder(bufio.NewReader(out)).Decode(&run); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	follower, err := client.SignIn(t.Context(), http.DefaultTransport, run.URL, 1)
	if err != nil {
		t.Fatal(err)
	}
	seller, err := client.SignIn(t.Context(), http.DefaultTransport, run.URL, 2)
	if err != nil {
		t.Fatal(err)
	}
	follow(t, follower, "music")
	if _, err := seller.Register(t.Context(), client.Talent{Title: "기타 레슨", Category: "music", PriceKrw: 1000}, "secured-1"); err != nil {
		t.Fatal(err)
	}
	eventtest.Eventually(t, "기타 레슨", func() string {
		items, _, err := follower.Inbox(t.Context())
		if err != nil || len(items) != 1 {
			return fmt.Sprint(items, err)
		}
		return items[0].Title
	})
	sent := command("send", "new_talent_events", "functions/update-stats/testdata/piano-registered.json", "--wait", "--state", state)
	if text, err := sent.CombinedOutput(); err != nil {
		t.Errorf("send: %v: %s", err, text)
	}
	listed := command("dlq", "ls", "--state", state)
	if text, err := listed.CombinedOutput(); err != nil || !strings.Contains(string(text), "no dead letters") {
		t.Errorf("dlq ls: %v: %s", err, text)
	}
	held := command("conformance", "--kafka", fmt.Sprintf("kafkas://%slocalhost:%d?mechanism=PLAIN", login, kafka), "--prefix", "try", "--case", "R01")
	if text, err := held.CombinedOutput(); err != nil || strings.Contains(string(text), "p%40ss") {
		t.Errorf("conformance: %v: %s", err, text)
	}
	_ = up.Process.Signal(syscall.SIGTERM)
	_ = up.Wait()
	grep := exec.CommandContext(t.Context(), "grep", "-rlF", "-e", secured.Password, "-e", "p%40ss", state+"/logs")
	if text, _ := grep.Output(); len(text) > 0 || strings.Contains(said.String(), "p%40ss") {
		t.Errorf("the password is in %s", text)
	}
}
