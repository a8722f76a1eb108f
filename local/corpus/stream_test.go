package corpus

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"somssi/shared/eventtest"
)

// stream is what a follower of the category is told, frame by frame, read to the
// letter of the specification of server-sent events.
type stream struct {
	mu     sync.Mutex
	titles map[int64][]string
	wrong  []string
}

// stream opens the follower's stream, once.
func (h *house) stream(t *testing.T) *stream {
	t.Helper()
	if h.follower != nil {
		return h.follower
	}
	request, err := http.NewRequestWithContext(h.living, http.MethodGet, h.Run.URL+"/inbox/stream", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+h.token)
	request.Header.Set("Last-Event-ID", fmt.Sprintf("%d-0", time.Now().Add(-time.Minute).UnixMilli()))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	s := &stream{titles: map[int64][]string{}}
	h.follower = s
	go s.read(response)
	return s
}

func (s *stream) read(response *http.Response) {
	defer response.Body.Close()
	kind, data := "", []string(nil)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			kind = value
		case "data":
			data = append(data, value)
		case "":
			if lines.Text() == "" {
				s.frame(kind, data)
				kind, data = "", nil
			}
		case "id", "retry":
		default:
			s.frame("a line "+lines.Text(), nil)
		}
	}
}

func (s *stream) frame(kind string, data []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var item struct {
		TalentID int64
		Title    string
	}
	switch kind {
	case "", "badge":
	case "notification":
		if len(data) != 1 || json.Unmarshal([]byte(data[0]), &item) != nil {
			s.wrong = append(s.wrong, fmt.Sprintf("%q", data))
			return
		}
		s.titles[item.TalentID] = append(s.titles[item.TalentID], item.Title)
	default:
		s.wrong = append(s.wrong, kind)
	}
}

// told waits until the talent was told, and holds that to once, and to its title.
func (s *stream) told(t *testing.T, id int64, title string) {
	t.Helper()
	eventtest.Eventually(t, fmt.Sprintf("%q []", []string{title}), func() string {
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Sprintf("%q %v", s.titles[id], s.wrong)
	})
}
