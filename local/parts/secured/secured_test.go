package secured

import (
	"context"
	crypto "crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"somssi/local/parts"
	"somssi/shared/connect"
)

// asLook makes this test program say what it finds at the named parts: roots are
// read once in a process.
const asLook = "SOMSSI_TEST_LOOK"

func TestMain(m *testing.M) {
	if os.Getenv(asLook) != "" {
		for _, one := range parts.Look(context.Background()) {
			fmt.Println(one.Variable, one.Address, one.Found, one.Err)
		}
		return
	}
	os.Exit(m.Run())
}

func look(t *testing.T, env ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append([]string{asLook + "=1"}, env...)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}

// What keeps a person from a part is told with the part, the address, the likely
// cause and what to do, and without the password.
func TestLook(t *testing.T) {
	const none = crypto.NoClientCert
	dir := Folder(t)
	ours, theirs := NewCA(t, t.TempDir()), NewCA(t, t.TempDir())
	sql, elsewhereSQL := SQL(t, ours, "localhost", dir), SQL(t, ours, "other.example", Folder(t))
	kafka, plainKafka, elsewhereKafka := Kafka(t, ours, "localhost", none), Kafka(t, nil, "", none), Kafka(t, ours, "other.example", none)
	strictKafka := Kafka(t, ours, "localhost", crypto.RequireAndVerifyClientCert)
	certificate, key := ours.Files(t, "client.example")
	redis, plainRedis, elsewhereRedis := Redis(t, ours, "localhost", dir), Redis(t, nil, "", dir), Redis(t, ours, "other.example", dir)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := portOf(t, nobody.Addr().String())
	_ = nobody.Close()
	const (
		login = "correct the login"
		tls   = "speaks TLS"
		trust = "is of a CA that is not trusted here: name the file of that CA in SSL_CERT_FILE"
		name  = "its certificate has another name: write the host as the certificate does"
		down  = "nothing listens there: start it, or correct the host and the port"
	)
	wrong := strings.Replace(Login("somssi"), escaped, escaped+"x", 1)
	for _, tc := range []struct {
		name, address string
		port          int
		ca            *CA
		want          string
	}{
		{"kafka_by_SCRAM-SHA-512", "kafkas://" + Login("somssi") + "localhost:%d", kafka, ours, "Kafka, brokers: 1"},
		{"kafka_by_SCRAM-SHA-256", "kafkas://" + Login("somssi") + "localhost:%d?mechanism=SCRAM-SHA-256", kafka, ours, "Kafka, brokers: 1"},
		{"kafka_by_PLAIN", "kafkas://" + Login("somssi") + "localhost:%d?mechanism=PLAIN", kafka, ours, "Kafka, brokers: 1"},
		{"kafka_without_TLS", "kafka://" + Login("somssi") + "localhost:%d", plainKafka, nil, "Kafka, brokers: 1"},
		{"kafka_by_certificate", "kafkas://" + Login("somssi") + "localhost:%d?cert=" + certificate + "&key=" + key, strictKafka, ours, "Kafka, brokers: 1"},
		{"kafka_no_certificate", "kafkas://" + Login("somssi") + "localhost:%d", strictKafka, ours, "it wants a certificate of its clients: give one"},
		{"kafka_wrong_password", "kafkas://" + wrong + "localhost:%d", kafka, ours, login},
		{"kafka_no_login", "kafkas://localhost:%d", kafka, ours, login},
		{"kafka_no_such_mechanism", "kafkas://" + Login("somssi") + "localhost:%d?mechanism=GSSAPI", kafka, ours, "the mechanism is SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"},
		{"kafka_unknown_parameter", "kafkas://" + Login("somssi") + "localhost:%d?tls=no", kafka, ours, "the parameters are mechanism"},
		{"kafka_no_certificate_there", "kafkas://localhost:%d?cert=/nowhere&key=/nowhere", kafka, ours, "/nowhere"},
		{"kafka_wrong_CA", "kafkas://" + Login("somssi") + "localhost:%d", kafka, theirs, trust},
		{"kafka_wrong_name", "kafkas://" + Login("somssi") + "localhost:%d", elsewhereKafka, ours, name},
		{"kafka_plaintext_to_TLS", "kafka://" + Login("somssi") + "localhost:%d", kafka, ours, tls},
		{"kafka_host_and_port_to_TLS", "localhost:%d", kafka, ours, tls},
		{"kafka_TLS_to_plaintext", "kafkas://" + Login("somssi") + "localhost:%d", plainKafka, ours, tls},
		// A name with an empty part is none, and no resolver is asked.
		{"kafka_unknown_host", "kafkas://" + Login("somssi") + "nowhere..invalid:%d", kafka, ours, "no such host: correct the name"},
		{"kafka_nobody_there", "kafkas://" + Login("somssi") + "localhost:%d", closed, ours, down},
		{"kafka_unescaped_password", "kafkas://somssi:" + Password + "@localhost:%d", kafka, ours, "what is special in the password as %XX"},

		{"redis", "rediss://" + Login("somssi") + "localhost:%d", redis, ours, "Redis"},
		{"redis_without_TLS", "redis://" + Login("somssi") + "localhost:%d/0", plainRedis, nil, "Redis"},
		{"redis_wrong_password", "rediss://" + wrong + "localhost:%d", redis, ours, login},
		{"redis_no_login", "rediss://localhost:%d", redis, ours, login},
		{"redis_wrong_CA", "rediss://" + Login("somssi") + "localhost:%d", redis, theirs, trust},
		{"redis_wrong_name", "rediss://" + Login("somssi") + "localhost:%d", elsewhereRedis, ours, name},
		{"redis_plaintext_to_TLS", "redis://" + Login("somssi") + "localhost:%d", redis, ours, tls},
		{"redis_TLS_to_plaintext", "rediss://" + Login("somssi") + "localhost:%d", plainRedis, ours, tls},
		{"redis_unknown_host", "rediss://" + Login("somssi") + "nowhere..invalid:%d", redis, ours, "no such host: correct the name"},
		{"redis_nobody_there", "rediss://" + Login("somssi") + "localhost:%d", closed, ours, down},
		{"redis_unescaped_password", "rediss://somssi:" + Password + "@localhost:%d", redis, ours, "what is special in the password as %XX"},

		{"sql", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full", sql, ours, "SQL"},
		{"sql_with_its_CA", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full&sslrootcert=" + ours.File, sql, nil, "SQL"},
		{"sql_wrong_password", "postgres://" + wrong + "localhost:%d/somssi?sslmode=verify-full", sql, ours, login},
		{"sql_no_such_user", "postgres://" + Login("nobody") + "localhost:%d/somssi?sslmode=verify-full", sql, ours, login},
		{"sql_wrong_CA", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full", sql, theirs, trust},
		{"sql_wrong_name", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full", elsewhereSQL, ours, name},
		{"sql_plaintext_to_TLS", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=disable", sql, ours, tls},
		{"sql_TLS_to_plaintext", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full", plainRedis, ours, tls},
		{"sql_unknown_host", "postgres://" + Login("somssi") + "nowhere..invalid:%d/somssi", sql, ours, "no such host: correct the name"},
		{"sql_nobody_there", "postgres://" + Login("somssi") + "localhost:%d/somssi", closed, ours, down},
		{"sql_unescaped_password", "postgres://somssi:" + Password + "@localhost:%d/somssi", sql, ours, "what is special in the password as %XX"},
		{"sql_no_CA_there", "postgres://" + Login("somssi") + "localhost:%d/somssi?sslmode=verify-full&sslrootcert=/nowhere", sql, ours, "open /nowhere"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			variable := map[string]string{"kafka": "KAFKA_BROKERS", "redis": "REDIS_URL", "sql": "DATABASE_URL"}[strings.Split(tc.name, "_")[0]]
			env := []string{variable + "=" + strings.Replace(tc.address, "%d", fmt.Sprint(tc.port), 1)}
			if tc.ca != nil {
				env = append(env, "SSL_CERT_FILE="+tc.ca.File, "SSL_CERT_DIR=/nowhere")
			}
			got := look(t, env...)
			if !strings.Contains(got, tc.want) || !strings.Contains(got, fmt.Sprintf(":%d", tc.port)) || !strings.Contains(got, variable) {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
			for _, secret := range []string{Password, escaped, "w:rd", "p@ss", "ss/w", "#1"} {
				if strings.Contains(got, secret) {
					t.Errorf("the password is told: %s", got)
				}
			}
			t.Log(strings.TrimSpace(got))
		})
	}
}

// A Redis that lets go of what it holds, or takes no writes, is refused; one that a login may not ask is taken.
func TestLook_refuses_a_Redis(t *testing.T) {
	port := Redis(t, nil, "", Folder(t), "user operator on >"+Password+" ~* &* +@all")
	address := fmt.Sprintf("redis://%slocalhost:%d", Login("operator"), port)
	client, err := connect.Redis(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	for _, tc := range []struct {
		as, command string
		want        string
	}{
		{"operator", "CONFIG SET maxmemory-policy noeviction", "Redis <nil>"},
		{"operator", "CONFIG SET maxmemory-policy allkeys-lru", "has maxmemory-policy allkeys-lru, by which it forgets"},
		{"somssi", "CONFIG SET maxmemory-policy volatile-ttl", "Redis <nil>"},
		{"operator", "CONFIG SET maxmemory-policy noeviction", "Redis <nil>"},
		{"operator", "REPLICAOF 127.0.0.1 1", "is a replica, which takes no writes: name its master"},
		{"operator", "REPLICAOF NO ONE", "Redis <nil>"},
	} {
		var words []any
		for _, word := range strings.Fields(tc.command) {
			words = append(words, word)
		}
		if err := client.Do(t.Context(), words...).Err(); err != nil {
			t.Fatal(err)
		}
		if got := look(t, "REDIS_URL="+strings.Replace(address, "operator", tc.as, 1)); !strings.Contains(got, tc.want) || strings.Contains(got, escaped) {
			t.Errorf("after %s: %s\nwant %s", tc.command, got, tc.want)
		}
	}
}
