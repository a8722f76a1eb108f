// Package secured gives tests a Kafka, a Redis and a PostgreSQL as an operator has
// them: with TLS, and a login for each.
package secured

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kfake"

	"somssi/local/parts"
	"somssi/local/runner"
	"somssi/shared/connect"
)

// Password is that of every user, as it is and as an address has it.
const (
	Password = "p@ss/w:rd?#1"
	escaped  = "p%40ss%2Fw%3Ard%3F%231"
)

// CA is a certificate authority of one test.
type CA struct {
	File        string // its certificate
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	dir         string
}

// NewCA makes one in dir.
func NewCA(t testing.TB, dir string) *CA {
	t.Helper()
	ca := &CA{File: filepath.Join(dir, "ca.pem"), dir: dir}
	ca.certificate = &x509.Certificate{Subject: pkix.Name{CommonName: "a test's own"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, key := ca.sign(t, ca.certificate)
	ca.key = key
	write(t, ca.File, "CERTIFICATE", der)
	var err error
	if ca.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return ca
}

// Files are a certificate for a host and its key.
func (ca *CA) Files(t testing.TB, host string) (certificate, key string) {
	t.Helper()
	template := &x509.Certificate{DNSNames: []string{host}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if host == "localhost" { // as an embedded Kafka tells its clients
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, private := ca.sign(t, template)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(ca.dir, fmt.Sprint(host, template.SerialNumber))
	certificate, key = name+".crt", name+".key"
	write(t, certificate, "CERTIFICATE", der)
	write(t, key, "PRIVATE KEY", secret)
	return certificate, key
}

func (ca *CA) sign(t testing.TB, template *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	signer := key
	if ca.key != nil {
		signer = ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

func write(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Kafka is an embedded one with TLS for host, if there is a CA, whose clients may
// need a certificate of it, too, and a user of all mechanisms.
func Kafka(t testing.TB, ca *CA, host string, clients tls.ClientAuthType) (port int) {
	t.Helper()
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.EnableSASL(), kfake.AllowAutoTopicCreation()}
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		options = append(options, kfake.Superuser(mechanism, "somssi", Password))
	}
	if ca != nil {
		pair, err := tls.LoadX509KeyPair(ca.Files(t, host))
		if err != nil {
			t.Fatal(err)
		}
		known := x509.NewCertPool()
		known.AddCert(ca.certificate)
		options = append(options, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, ClientAuth: clients, ClientCAs: known}))
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return portOf(t, cluster.ListenAddrs()[0])
}

func portOf(t testing.TB, address string) (port int) {
	t.Helper()
	at, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	return at.Port
}

// Redis is a redis-server with TLS for host, if there is a CA. Its default user is
// off, and somssi may do all that a function does; more users are lines of an aclfile.
func Redis(t testing.TB, ca *CA, host, dir string, users ...string) (port int) {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		missing(t, "redis-server")
	}
	ports, err := runner.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, fmt.Sprintf("users-%d.acl", ports[0]))
	lines := slices.Concat([]string{"user default off", "user somssi on >" + Password + " ~* &* +@all -@admin -@dangerous"}, users)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := []string{"--port", fmt.Sprint(ports[0])}
	if ca != nil {
		certificate, key := ca.Files(t, host)
		arguments = []string{"--port", "0", "--tls-port", fmt.Sprint(ports[0]), "--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca.File, "--tls-auth-clients", "no"}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	command := exec.CommandContext(ctx, program, append(arguments, "--bind", "127.0.0.1", "--save", "", "--aclfile", file, "--dir", dir)...)
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = command.Wait() })
	for limit := time.Now().Add(10 * time.Second); ; {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", ports[0]))
		if err == nil {
			_ = c.Close()
			return ports[0]
		}
		if time.Now().After(limit) {
			t.Fatalf("redis-server does not listen: %v", err)
		}
	}
}

func missing(t testing.TB, program string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

// SQL is a PostgreSQL that takes somssi by TLS for host, and his password, alone.
func SQL(t testing.TB, ca *CA, host, dir string) (port int) {
	t.Helper()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	defer kafka.Close()
	t.Setenv("KAFKA_BROKERS", kafka.ListenAddrs()[0]) // so that it alone is started
	t.Setenv("REDIS_URL", "redis://"+miniredis.RunT(t).Addr())
	t.Setenv("DATABASE_URL", "")
	p, err := parts.Start(t.Context(), parts.Options{Dir: dir, Real: true, Say: t.Logf})
	if err != nil && strings.Contains(err.Error(), "not installed") {
		missing(t, "PostgreSQL")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	u, err := url.Parse(p.SQL)
	if err != nil {
		t.Fatal(err)
	}
	db, err := connect.SQL(p.SQL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	data := filepath.Join(dir, "real", "postgres")
	certificate, key := ca.Files(t, host)
	for from, to := range map[string]string{certificate: "server.crt", key: "server.key"} {
		if err := lend(from, filepath.Join(data, to), filepath.Join(data, "PG_VERSION")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte("hostssl all all 127.0.0.1/32 scram-sha-256\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"ALTER ROLE somssi PASSWORD '" + Password + "'", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf()"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return portOf(t, u.Host)
}

// lend copies a file to one that belongs to whom another belongs to.
func lend(from, to, as string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		return err
	}
	info, err := os.Stat(as)
	if err != nil {
		return err
	}
	owner := info.Sys().(*syscall.Stat_t)
	return os.Chown(to, int(owner.Uid), int(owner.Gid))
}

// Login is what stands before a host in an address.
func Login(user string) string { return user + ":" + escaped + "@" }

// Folder is one that PostgreSQL's own user can enter.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "secured-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
