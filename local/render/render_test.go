package render

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	house "somssi/local/template"
)

var update = flag.Bool("update", false, "rewrite infra/knative and testdata/shop; read the difference before keeping it")

const repository = "../.."

func ours(t *testing.T, env string) map[string]string {
	t.Helper()
	files, err := Files(os.DirFS(repository), repository+"/template.yaml", env, Release{Version: "dev"})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What is committed is what template.yaml says, and to say it twice is the same.
func TestFiles_ours(t *testing.T) {
	want := ours(t, "prod")
	wantFolder(t, repository+"/infra/knative", want)
	if again := ours(t, "prod"); !maps.Equal(again, want) {
		t.Error("a second rendering differs")
	}
}

func wantFolder(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	if *update {
		if err := Write(dir, want); err != nil {
			t.Fatal(err)
		}
	}
	stale, err := Stale(dir, want)
	if err != nil || len(stale) > 0 {
		t.Errorf("run go run ./local render, or this test with -update (%v):\n%s", err, strings.Join(stale, "\n"))
	}
}

// shopCode is what the functions of testdata/shop.yaml read.
var shopCode = fstest.MapFS{
	"shared/shared.go": code(`
		func Env(name string) string { return name }
		func Main() { Serve() }
		func Serve() { for _, port := range []string{"PORT"} { Env(port) } }
		func SQL() { open(Env("DATABASE_URL")) }
		func Redis() { open(Env("REDIS_URL")) }
		func OpenOutbox() { Env("KAFKA_BROKERS") }`),
	"infra/schema/1.sql":                 {Data: []byte("CREATE TABLE cards (id BIGINT); CREATE TABLE letters (id BIGINT);\nCREATE TABLE outbox (id BIGINT);")},
	"functions/charge-card/main.go":      code(`func main() { shared.SQL(); shared.OpenOutbox(); shared.Main() }`),
	"functions/charge-card/store.go":     code("const charge = `UPDATE cards SET used = 1` // of DELETE FROM letters a comment is no statement"),
	"functions/charge-card/main_test.go": code(`func TestIt() { shared.Env("ONLY_IN_TESTS") }`),
	"functions/send-receipt/main.go":     code(`func main() { shared.Env("MAIL_URL"); shared.Main() }`),
	"functions/keep-letters/main.go": code(`func main() { shared.SQL().Exec("INSERT INTO letters (" + columns + ") VALUES ($1) " + "ON CONFLICT (id) DO NOTHING") }
		func forget() { shared.SQL().Exec("DELETE FROM letters WHERE id IN (SELECT id FROM elsewhere)") }`),
	"functions/show-orders/main.go": code(`func main() { shared.Serve() }`),
	"functions/serve-shop/shown.go": code(`
		var script = redis.NewScript("redis.call('INCR', KEYS[1] .. ':n') redis.pcall('PUBLISH', ARGV[1], KEYS[2])")
		type shown struct { rdb *redis.Client; other *http.Client }
		func open() { rdb := shared.Redis(); rdb.PSubscribe(ctx, fmt.Sprintf(shared.Hints, "*"), "own:*"); rdb.Publish(ctx, "said", "x"); rdb.Close() }
		func (s shown) key() string { return fmt.Sprintf("shown:%d", s.id) }
		func (s shown) list() { s.rdb.HGetAll(ctx, s.key()); s.other.Get("no key"); script.Run(ctx, s.rdb, []string{fmt.Sprintf(shared.StatsTotals, 1)}) }
		func set(p redis.Pipeliner) { p.Set(ctx, "shown", 1, 0) }
		func get(p url.Values) { p.Get("no key") }`),
	"functions/ask-redis/main.go":  code(`func main() { shared.Redis().Do(ctx, "KEYS", "*") }`),
	"functions/serve-shop/main.go": code(`func main() { shared.Serve() }`),
}

func code(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte("package main\n" + text)} }

// A shop with every kind of trigger, and environments that differ by more than ours do.
func TestFiles_shop(t *testing.T) {
	files, err := Files(shopCode, "testdata/shop.yaml", "prod", Release{Version: "1.4.0"})
	if err != nil {
		t.Fatal(err)
	}
	wantFolder(t, "testdata/shop", files)
}

// An overlay over the base of another environment is that environment.
func TestFiles_overlays(t *testing.T) {
	for _, tc := range []struct {
		name  string
		files func(env string) map[string]string
	}{
		{"ours", func(env string) map[string]string { return ours(t, env) }},
		{"shop", func(env string) map[string]string {
			files, err := Files(shopCode, "testdata/shop.yaml", env, Release{Version: "1.4.0"})
			if err != nil {
				t.Fatal(err)
			}
			return files
		}},
	} {
		for _, env := range []string{"dev", "prod"} {
			t.Run(tc.name+"_"+env, func(t *testing.T) {
				var sides [2]map[string]Object
				for i, base := range []string{"dev", "prod"} {
					all, err := Resources(tc.files(base), env)
					if err != nil {
						t.Fatal(err)
					}
					sides[i] = map[string]Object{}
					for _, o := range all {
						sides[i][o.Kind()+" "+o.Name()] = o
					}
				}
				for _, name := range slices.Sorted(maps.Keys(sides[0])) {
					if !reflect.DeepEqual(sides[0][name], sides[1][name]) {
						t.Errorf("%s over dev\n%v\nover prod\n%v", name, sides[0][name], sides[1][name])
					}
				}
				if len(sides[0]) != len(sides[1]) || len(sides[0]) < 10 {
					t.Errorf("%d and %d resources", len(sides[0]), len(sides[1]))
				}
			})
		}
	}
}

// The lab's Kafka is beside its cluster: nothing of it is for an operator of Kafka, and logins come from Secrets.
func TestFiles_lab_has_no_strimzi(t *testing.T) {
	all, err := Resources(ours(t, "prod"), "lab")
	if err != nil {
		t.Fatal(err)
	}
	sources := 0
	for _, o := range all {
		if strings.Contains(o.Text("apiVersion"), "strimzi") || strings.Contains(fmt.Sprint(o), "kafkas://") {
			t.Errorf("%s %s is of Strimzi", o.Kind(), o.Name())
		}
		if o.Kind() == "KafkaSource" && o.Text("spec", "bootstrapServers") == "kafka.parts.svc:9092" && o.At("spec", "net") == nil {
			sources++
		}
	}
	if sources != 4 {
		t.Errorf("%d sources read from the Kafka beside the cluster without a login, want 4", sources)
	}
}

func TestFiles_refuses(t *testing.T) {
	const head = "version: 1\napp: a\nnamespace: a\ntopics: {t: {}}\n"
	const prod = "environments: {prod: {secret: a, image: \"r/{function}\", kafka: {bootstrap: [\"k:1\"]}}}\n"
	for name, tc := range map[string]struct{ text, want string }{
		"no_secret": {head + `environments: {prod: {image: "r/{function}", kafka: {bootstrap: ["k:1"]}}}
functions: {charge-card: {env: {DATABASE_URL: "${DATABASE_URL}"}}}`, `:6:47 error T029 ${DATABASE_URL} is unresolved: environment "prod" names no secret that has DATABASE_URL`},
		"not_given": {head + prod + "functions: {send-receipt: {}}", "send-receipt reads MAIL_URL, which neither env of functions.send-receipt nor globals.env gives"},
		"publishes_unsaid": {head + prod + "globals: {env: {DATABASE_URL: \"${A}\", KAFKA_BROKERS: \"${KAFKA_BROKERS}\"}}\nfunctions: {charge-card: {}}",
			"functions.charge-card publishes [] in template.yaml, and its code opens a producer: true"},
		"publishes_untrue": {head + prod + "functions: {show-orders: {publishes: [t]}}", "publishes [t] in template.yaml, and its code opens a producer: false"},
		"any_command":      {head + prod + "globals: {env: {REDIS_URL: \"${A}\"}}\nfunctions: {ask-redis: {}}", "read what ask-redis does with Redis: what rdb.Do sends is not known"},
		"no_code":          {head + prod + "functions: {ship-order: {}}", "functions/ship-order needs: there is no Go in it"},
		"set_twice":        {head + prod + "functions: {show-orders: {env: {METRICS_PORT: \"80\"}}}", "gives show-orders the variable METRICS_PORT, which its manifest sets by itself"},
		"broker_without_a_login": {head + "environments: {prod: {secret: a, image: \"r/{function}\", kafka: {bootstrap: [\"k:1\"], strimzi: s}}}\nfunctions: {show-orders: {triggers: {a: {broker: {topic: t}}}}}",
			"show-orders/a is a broker trigger, and what a Broker logs in to Kafka with"},
		"no_environment": {head, `there is no environment "prod"`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "template.yaml")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Files(shopCode, file, "prod", Release{Version: "1"}); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v\nwant %s", err, tc.want)
			}
		})
	}
}

// What the security of the house asks of each manifest.
func TestFiles_ours_are_restricted(t *testing.T) {
	files := ours(t, "prod")
	all, err := Resources(files, "prod")
	if err != nil {
		t.Fatal(err)
	}
	migrate, err := Parse(files["migrate/job.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	policies, pods := map[string]bool{}, map[string]string{}
	for _, o := range append(all, migrate...) {
		switch o.Kind() {
		case "ksvc", "Deployment", "Job":
			pod := o.At("spec", "template", "spec").(Object)
			pods[o.Name()] = pod.Text("serviceAccountName")
			if pod["automountServiceAccountToken"] != false {
				t.Errorf("%s has a token", o.Name())
			}
			for _, c := range pod["containers"].([]any) {
				wantRestricted(t, o.Name(), c.(Object))
			}
		case "ServiceAccount":
			if o["automountServiceAccountToken"] != false {
				t.Errorf("ServiceAccount %s has a token", o.Name())
			}
		case "NetworkPolicy":
			policies[o.Name()] = true
		case "Secret":
			t.Errorf("%s is a Secret", o.Name())
		case "KafkaSource":
			for _, field := range []string{"retry", "backoffPolicy", "backoffDelay", "timeout", "deadLetterSink"} {
				if o.At("spec", "delivery", field) == nil {
					t.Errorf("%s says no %s", o.Name(), field)
				}
			}
		case "KafkaUser":
			for _, a := range o.At("spec", "authorization", "acls").([]any) {
				for _, op := range a.(Object)["operations"].([]any) {
					if !slices.Contains([]any{"Describe", "Read", "Write"}, op) {
						t.Errorf("%s may %s", o.Name(), op)
					}
				}
			}
		}
	}
	house, err := house.Load(repository+"/template.yaml", "prod")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(house.Names(), "migrate") {
		if pods[name] != name || !policies[name] {
			t.Errorf("%s has ServiceAccount %q, and a NetworkPolicy: %t", name, pods[name], policies[name])
		}
	}
	if !policies["default-deny"] {
		t.Error("nothing is denied")
	}
}

func wantRestricted(t *testing.T, name string, c Object) {
	t.Helper()
	s := c["securityContext"].(Object)
	want := Object{
		"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
		"capabilities": Object{"drop": []any{"ALL"}}, "seccompProfile": Object{"type": "RuntimeDefault"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("%s has securityContext %v", name, s)
	}
	if c.Text("resources", "limits", "memory") == "" || !strings.HasPrefix(c.Text("image"), "registry.example/somssi/") && name != "migrate" {
		t.Errorf("%s has limits %v and image %v", name, c.At("resources", "limits"), c["image"])
	}
	for _, v := range c["env"].([]any) {
		if v := v.(Object); strings.HasSuffix(v.Text("name"), "_URL") && v["value"] != nil {
			t.Errorf("%s is given %s as a value", name, v["name"])
		}
	}
}
