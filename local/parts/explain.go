package parts

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
)

var login = regexp.MustCompile(`//[^/@]*@`)

// bare is an address without the user and the password in it.
func bare(address string) string {
	address, _, _ = strings.Cut(login.ReplaceAllString(address, "//"), "?")
	return address
}

// unreachable says which part could not be used, where, and what is the likely
// cause. An address may hold a password, which err never does.
func unreachable(part, address string, err error) error {
	return fmt.Errorf("use %s at %s: %s: %w", part, bare(address), likely(err), err)
}

func likely(err error) string {
	text := err.Error()
	has := func(some ...string) bool {
		for _, one := range some {
			if strings.Contains(text, one) {
				return true
			}
		}
		return false
	}
	name := new(net.DNSError)
	switch {
	case errors.As(err, &name) || has("no such host"):
		return "no such host"
	case errors.Is(err, syscall.ECONNREFUSED) || has("connection refused"):
		return "nothing listens there"
	case has("x509: ", "tls: "):
		return "its certificate is not trusted, or one of the two sides speaks no TLS"
	case has("SASL", "WRONGPASS", "NOAUTH", "NOPERM", "password authentication failed", "no pg_hba.conf entry"):
		return "the user, the password or a right is missing or wrong"
	case has("EOF", "first record does not look like a TLS handshake", "connection reset"):
		return "it closed the connection: one side speaks TLS or wants a login, the other does not"
	case has("deadline exceeded", "timeout"):
		return "no answer in time"
	}
	return "it does not work"
}
