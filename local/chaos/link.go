package chaos

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
)

// Names of the links, of all that the house has to its parts and functions.
const (
	toKafka     = "Kafka"
	toRedis     = "Redis"
	toSQL       = "PostgreSQL"
	toFunctions = "the functions"
)

func init() { log.Logger = zerolog.Nop() } // toxiproxy tells it of each packet

// links are proxies that can be made worse, one before each part.
type links map[string]*toxiproxy.Proxy

// add puts a proxy at a port before the address.
func (l links) add(name string, port int, upstream string) error {
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(api, strings.ReplaceAll(name, " ", "-"), fmt.Sprintf("127.0.0.1:%d", port), upstream)
	if err := p.Start(); err != nil {
		return fmt.Errorf("put a proxy before %s: %w", name, err)
	}
	l[name] = p
	return nil
}

// cut closes all connections of a link and takes no new ones.
func (l links) cut(name string) { l[name].Stop() }

// mend opens a link that was cut, or leads elsewhere.
func (l links) mend(name string) error { return l[name].Start() }

// lead makes a link go to another address, and cuts what goes to the one before.
func (l links) lead(name, upstream string) error {
	p := l[name]
	return p.Update(&toxiproxy.Proxy{Listen: p.Listen, Upstream: upstream, Enabled: true})
}

// toxic is what toxiproxy does to a link: its own names and units.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`   // upstream: to the part; downstream: from it
	Toxicity   float64        `json:"toxicity"` // of the connections
	Attributes map[string]any `json:"attributes"`
}

func (t toxic) String() string { return fmt.Sprintf("%s %s %v", t.Type, t.Stream, t.Attributes) }

// poison makes a link worse until it is healed.
func (l links) poison(name string, t toxic) error {
	if t.Toxicity == 0 {
		t.Toxicity = 1
	}
	text, err := json.Marshal(t)
	if err == nil {
		_, err = l[name].Toxics.AddToxicJson(bytes.NewReader(text))
	}
	return err
}

// heal takes all toxics from a link.
func (l links) heal(ctx context.Context, name string) { l[name].Toxics.ResetToxics(ctx) }

func (l links) close() {
	for _, p := range l {
		p.Stop()
	}
}

// switchboard is what stands behind the proxy of the functions: it connects a
// caller with the address that he names in his first line. The house calls its
// functions so because its copy has dialled through written into it.
func switchboard() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go putThrough(c)
		}
	}()
	return l, nil
}

func putThrough(caller net.Conn) {
	defer func() { _ = caller.Close() }()
	said := bufio.NewReader(caller)
	address, err := said.ReadString('\n')
	if err != nil {
		return
	}
	called, err := new(net.Dialer).DialContext(context.Background(), "tcp", strings.TrimSpace(address))
	if err != nil {
		return
	}
	defer func() { _ = called.Close() }()
	go func() {
		_, _ = io.Copy(called, said)
		_ = called.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(caller, called)
}

// dialled is added to the runner of the house: it goes through the proxy.
const dialled = `package runner

import (
	"context"
	"fmt"
	"net"
	"os"
)

func throughLink(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, os.Getenv("CHAOS_FUNCTIONS"))
	if err == nil {
		_, err = fmt.Fprintln(c, address)
	}
	return c, err
}
`
