package conformance

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sinks is one HTTP server with the sinks of all cases: /<case>/<name>. It keeps
// every request, also those that come before their case is run.
type sinks struct {
	server  *http.Server
	serving sync.WaitGroup
	address string

	mu    sync.Mutex
	cases map[string]*caseSinks
}

// listen opens the server at address.
func listen(address string) (*sinks, error) {
	s := &sinks{cases: map[string]*caseSinks{}}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	return s, s.also(address)
}

// also lets the server listen at one more address.
func (s *sinks) also(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the requests of the cases: %w", err)
	}
	if s.address == "" {
		s.address = l.Addr().String()
	}
	s.serving.Go(func() { _ = s.server.Serve(l) }) // it ends with close
	return nil
}

// listenAnywhere opens the server where two more ports are free behind it, for
// sinks at which somebody listens later. It looks below those ports that systems
// give to outgoing connections, any of which could take them meanwhile.
func listenAnywhere() (s *sinks, err error) {
	for range 50 {
		port := 10000 + rand.IntN(20000)
		if err = free(port+1, port+2); err != nil {
			continue
		}
		if s, err = listen(local(port)); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func free(ports ...int) error {
	for _, port := range ports {
		l, err := net.Listen("tcp", local(port))
		if err != nil {
			return err
		}
		_ = l.Close()
	}
	return nil
}

// close ends all connections, also those that a case left hanging.
func (s *sinks) close() {
	_ = s.server.Close()
	s.serving.Wait()
}

func (s *sinks) of(id string) *caseSinks {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.cases[id]
	if c == nil {
		c = &caseSinks{
			now: map[string]int{}, most: map[string]int{}, scripts: map[string]script{},
			changed: make(chan struct{}), settled: map[string]bool{},
		}
		s.cases[id] = c
	}
	return c
}

func (s *sinks) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.of(id).serve(w, r, name)
}
