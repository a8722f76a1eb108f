package connect

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

// Kafka is the options of a client of the brokers at an address: host:port,host:port, or with TLS, a login, or both,
//
//	kafkas://user:password@host:port,host:port?mechanism=SCRAM-SHA-512&cert=/path/tls.crt&key=/path/tls.key
//
// The mechanism is that one unless it is SCRAM-SHA-256 or PLAIN; cert and key are for brokers that know a client by
// its certificate. kafka:// is the same without TLS.
func Kafka(address string) ([]kgo.Opt, error) {
	if !strings.Contains(address, "://") {
		address = "kafka://" + address
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "kafka" && u.Scheme != "kafkas" { // err quotes the address
		return nil, wrong(address, "want host:port,host:port or kafkas://user:password@host:port,host:port with what is special in the password as %XX")
	}
	options, given := []kgo.Opt{kgo.SeedBrokers(strings.Split(u.Host, ",")...)}, u.Query()
	for name := range given {
		if name != "mechanism" && (u.Scheme == "kafka" || name != "cert" && name != "key") {
			return nil, wrong(address, "the parameters are mechanism and, with TLS, cert and key")
		}
	}
	if u.Scheme == "kafkas" {
		config := &tls.Config{MinVersion: tls.VersionTLS12}
		if given.Has("cert") {
			pair, err := tls.LoadX509KeyPair(given.Get("cert"), given.Get("key"))
			if err != nil {
				return nil, Unreachable("KAFKA_BROKERS", address, err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		options = append(options, kgo.DialTLSConfig(config))
	}
	if u.User == nil {
		return options, nil
	}
	password, _ := u.User.Password()
	login := scram.Auth{User: u.User.Username(), Pass: password}
	mechanism, known := map[string]sasl.Mechanism{
		"": login.AsSha512Mechanism(), "SCRAM-SHA-512": login.AsSha512Mechanism(), "SCRAM-SHA-256": login.AsSha256Mechanism(),
		"PLAIN": plain.Auth{User: login.User, Pass: login.Pass}.AsMechanism(),
	}[given.Get("mechanism")]
	if !known {
		return nil, wrong(address, "the mechanism is SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN")
	}
	return append(options, kgo.SASL(mechanism)), nil
}

// Brokers are the host:port of each of Kafka's brokers at an address, without what else it has.
func Brokers(address string) []string {
	return strings.Split(strings.TrimPrefix(strings.TrimPrefix(Bare(address), "kafka://"), "kafkas://"), ",")
}

func wrong(at, why string) error { return fmt.Errorf("use KAFKA_BROKERS at %s: %s", Bare(at), why) }
