package connect

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// refusal is a cause that stays until somebody changes something.
type refusal string

func (r refusal) Error() string { return string(r) }

// causes are what the drivers' errors come down to, and what to do about them.
var causes = []struct {
	says  string
	cause error
}{
	{"no such host", errors.New("no such host: correct the name, or ask where it is known")},
	{"refused TLS|no encryption|tls alert|first record", refusal("one side speaks TLS, the other does not: kafkas://, rediss:// and sslmode=verify-full do")},
	{"TLS misconfigured|TLS missing", errors.New("it hung up: start it, or correct whether it speaks TLS, which kafka:// does not and kafkas:// does")},
	{"SASL missing", errors.New("it wants a login: correct the login")},
	{"certificate required", refusal("it wants a certificate of its clients: give one, to Kafka by cert and key, to PostgreSQL by sslcert and sslkey")},
	{"x509: .*(valid for|any IP SANs)", refusal("its certificate has another name: write the host as the certificate does")},
	{"x509: .*expired", refusal("its certificate is out of date: renew it, or correct this machine's clock")},
	{"x509: ", refusal("its certificate is of a CA that is not trusted here: name the file of that CA in SSL_CERT_FILE")},
	{"(?i)sasl|wrongpass|noauth|noperm|password|pg_hba|role .* does not exist|authorization", refusal("the user, the password or a right is wrong: correct the login")},
	{"connection refused", errors.New("nothing listens there: start it, or correct the host and the port")},
	{"EOF|reset by peer", errors.New("it hung up: start it, or correct the login, or whether it speaks TLS, as kafkas://, rediss:// and sslmode=verify-full do")},
	{"deadline|timeout", errors.New("no answer in time: correct the host and the port, or whether it speaks TLS, or open the way to it")},
}

// Unreachable says which part could not be used and where, without the login, the likely cause, and what to do.
func Unreachable(part, address string, err error) error {
	for _, one := range causes {
		if regexp.MustCompile(one.says).MatchString(err.Error()) {
			return fmt.Errorf("use %s at %s: %w (%w)", part, Bare(address), one.cause, err)
		}
	}
	return fmt.Errorf("use %s at %s: %w", part, Bare(address), err)
}

// Refused is Unreachable where ping says that a part turns its client away, which lasts until somebody changes something.
// It is nil where the part answers, and where it is away: it may come back. ping has 5 s.
func Refused(part, address string, ping func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := ping(ctx); err != nil {
		if err = Unreachable(part, address, err); errors.As(err, new(refusal)) {
			return err
		}
	}
	return nil
}

var login = regexp.MustCompile(`(?s)(//).*@|\?.*|.*password.*`)

// Bare is an address without what may be a login in it, and without its parameters.
func Bare(address string) string { return login.ReplaceAllString(address, "$1") }
