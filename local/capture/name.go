package capture

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
)

// wrapped is the id of a record that was no event.
var wrapped = regexp.MustCompile(`^partition:(\d+)/offset:(\d+)$`)

// safe is text as a file's name that every system takes. One that had to be
// changed or cut has a mark at its end, so that two do not become one.
func safe(text string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, text)
	if strings.HasPrefix(name, ".") {
		name = "-" + name[1:]
	}
	if name != text || len(name) > 120 {
		name = fmt.Sprintf("%s-%.4x", name[:min(len(name), 110)], sha256.Sum256([]byte(text)))
	}
	return name + ".json"
}
