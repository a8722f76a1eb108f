package main

import (
	"bufio"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"somssi/shared/eventtest/seeds"
)

// FuzzFrame holds every title to: one frame, of one line of data, from which a
// browser reads the same title.
func FuzzFrame(f *testing.F) {
	for _, text := range seeds.Of(f, "FG") {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, title string) {
		data, err := json.Marshal(map[string]string{"title": title})
		if err != nil {
			if utf8.ValidString(title) {
				t.Fatalf("%q: %v", title, err)
			}
			return // which no store has
		}
		text := event("notification", string(data))
		if strings.ContainsAny(text, "\r\x00") || strings.Count(text, "\n\n") != 1 || !strings.HasSuffix(text, "\n\n") {
			t.Fatalf("%q is written as %q", title, text)
		}
		var read []string
		lines := bufio.NewScanner(strings.NewReader(text))
		lines.Buffer(nil, len(text)+1)
		for lines.Scan() {
			read = append(read, lines.Text())
		}
		var got struct {
			Title string `json:"title"`
		}
		if len(read) != 3 || read[0] != "event: notification" || json.Unmarshal([]byte(strings.TrimPrefix(read[1], "data: ")), &got) != nil || got.Title != title {
			t.Fatalf("%q is read as %q", title, read)
		}
	})
}
