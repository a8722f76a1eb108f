package capture

import (
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"time"
)

var (
	uuids = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	hexes = regexp.MustCompile(`^[0-9a-f]{16,}$`)
	times = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$`)
)

// other is a character of the same kind and of as many bytes.
func other(r rune, random *mathrand.Rand) rune {
	between := func(low, high rune) rune { return low + random.Int32N(high-low+1) }
	switch {
	case r >= '0' && r <= '9':
		return between('0', '9')
	case r >= 'a' && r <= 'z':
		return between('a', 'z')
	case r >= 'A' && r <= 'Z':
		return between('A', 'Z')
	case r >= '가' && r <= '힣':
		return between('가', '힣')
	case r < 0x800:
		return between('à', 'ö')
	case r <= 0xffff:
		return between('가', '힣')
	}
	return between(0x1f600, 0x1f64f) // faces
}

func otherUUID(text string, random *mathrand.Rand) string {
	out := []byte(text)
	for i, c := range out {
		if c != '-' && i != 14 && i != 19 { // the version and the variant
			digits := "0123456789abcdef"
			if strings.ContainsAny(text, "ABCDEF") {
				digits = "0123456789ABCDEF"
			}
			out[i] = digits[random.IntN(16)]
		}
	}
	return string(out)
}

// otherTime is a time of this century, written alike.
func otherTime(text string, random *mathrand.Rand) string {
	begin := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	at := begin.Add(time.Duration(random.Int64N(int64(25 * 365 * 24 * time.Hour))))
	rest := text[len("2006-01-02T15:04:05"):]
	if digits := strings.TrimLeft(strings.TrimPrefix(rest, "."), "0123456789"); strings.HasPrefix(rest, ".") {
		n := len(rest) - len(digits) - 1
		fraction := make([]byte, n)
		for i := range fraction {
			fraction[i] = byte('0' + random.IntN(10))
		}
		rest = "." + string(fraction) + digits
	}
	return at.Format("2006-01-02T15:04:05") + rest
}
