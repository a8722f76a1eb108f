package gen

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// plausible are texts that people would write, by the name of the property.
var plausible = map[string][]string{
	"title":    {"기타 레슨", "주말 목공 수업", "Logo design", "한국어 과외", "Sourdough for beginners", "피아노 조율", "Yoga at sunrise 🧘", "영상 편집", "Trail running coach", "로고 디자인"},
	"category": {"music", "design", "language", "cooking", "sports", "crafts", "coding"},
	"tag":      {"beginner", "weekend", "online", "서울", "1:1", "초보 환영", "evening", "kids"},
}

// earlier are the properties that tell of a time before the event.
var earlier = regexp.MustCompile(`(?i)registered|created|began|was`)

func (m *maker) text(s *jsonschema.Schema, name string) (string, error) {
	if s.Format == "date-time" {
		at := m.at
		if earlier.MatchString(name) {
			at = at.Add(-time.Duration(1+m.random.IntN(30*24)) * time.Hour)
		}
		return timeText(s, at, m.random)
	}
	if texts := plausible[name]; texts != nil {
		if text := texts[m.random.IntN(len(texts))]; fits(s, text) {
			return text, nil
		}
	}
	if s.Pattern != "" {
		return fitting(s, anyLength, m.random)
	}
	least, most := bounds(s.MinLength, s.MaxLength, 24)
	length := least + m.random.IntN(min(most-least, 24)+1)
	return filled("솜씨 talent ", length), nil
}

// fits reports whether a schema of strings allows text.
func fits(s *jsonschema.Schema, text string) bool {
	n := utf8.RuneCountInString(text)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return false
	}
	matched, err := regexp.MatchString(s.Pattern, text)
	return err == nil && matched
}

// fitting is a text for the schema's pattern that its other rules allow too.
func fitting(s *jsonschema.Schema, of size, random *rand.Rand) (string, error) {
	for unbounded := 16; unbounded >= 0; unbounded-- { // where it is too long, shorter
		for range 5 {
			text, err := fromPattern(s.Pattern, of, unbounded, random)
			if err != nil {
				return "", err
			}
			if fits(s, text) {
				return text, nil
			}
		}
	}
	return "", fmt.Errorf("no text found that the pattern %s and the other rules allow", s.Pattern)
}

// timeText writes a time as the schema's pattern has it.
func timeText(s *jsonschema.Schema, at time.Time, random *rand.Rand) (string, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.000Z", time.RFC3339, "2006-01-02T15:04:05.000000Z", "2006-01-02T15:04:05.000Z07:00"} {
		if text := at.UTC().Format(layout); fits(s, text) {
			return text, nil
		}
	}
	return fitting(s, anyLength, random)
}

// filled is pattern again and again, cut to a length in characters.
func filled(pattern string, length int) string {
	runes := []rune(strings.Repeat(pattern, length/max(1, utf8.RuneCountInString(pattern))+1))
	return string(runes[:length])
}
