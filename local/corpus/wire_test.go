package corpus

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// answer is what came back on a connection.
type answer struct {
	status int // 0: none
	header http.Header
	body   string
	more   bool // after the first answer
	closed bool // by the other side
	took   time.Duration
}

// exchange sends bytes on a connection of their own and reads what comes: until
// the other side closes, for at most wait, or, where until is not empty, until
// that was read. No client stands between that would mend what is sent.
func exchange(t *testing.T, address, text, then, until string, wait time.Duration) answer {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("the door is closed: %v", err)
	}
	defer c.Close()
	began := time.Now()
	_ = c.SetDeadline(began.Add(wait))
	go func() { // beside the reading, as the answer may come before all is sent
		_, _ = io.WriteString(c, text) // which the other side may refuse to read
		if then == "hang up" {
			_ = c.(*net.TCPConn).CloseWrite()
		}
	}()
	var got bytes.Buffer
	part := make([]byte, 32<<10)
	for {
		n, err := c.Read(part)
		got.Write(part[:n])
		if until != "" && strings.Contains(got.String(), until) {
			return parse(t, got.Bytes(), false, time.Since(began))
		}
		if err != nil {
			return parse(t, got.Bytes(), !errors.Is(err, os.ErrDeadlineExceeded), time.Since(began))
		}
	}
}

func parse(t *testing.T, text []byte, closed bool, took time.Duration) answer {
	t.Helper()
	a := answer{closed: closed, took: took}
	if len(text) == 0 {
		return a
	}
	r := bufio.NewReader(bytes.NewReader(text))
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Errorf("no answer of HTTP: %v\n%.300q", err, text)
		return a
	}
	body, _ := io.ReadAll(response.Body) // which may have been cut on purpose
	_, err = r.Peek(1)
	a.status, a.header, a.body, a.more = response.StatusCode, response.Header, string(body), err == nil
	return a
}
