package source

import (
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
)

// repairUTF8 makes text of bytes. Those that are no UTF-8 become U+FFFD, as many
// as Java makes of them, since each is a ? in a header later.
func repairUTF8(bytes string) string {
	if utf8.ValidString(bytes) {
		return bytes
	}
	repaired, err := unicode.UTF8.NewDecoder().String(bytes)
	if err != nil {
		return strings.ToValidUTF8(bytes, string(utf8.RuneError))
	}
	return repaired
}

// headerValue is text as the bytes of a header: Latin-1, and ? for each UTF-16
// unit beyond it. Control characters, which may be in no header, are ? as
// well, and then it is not legal. A tab is legal.
func headerValue(text string) (value string, legal bool) {
	for i := range len(text) {
		if c := text[i]; (c < ' ' && c != '\t') || c >= 0x7f {
			return toLatin1(text)
		}
	}
	return text, true
}

func toLatin1(text string) (value string, legal bool) {
	out := make([]byte, 0, len(text))
	legal = true
	for _, c := range text {
		switch {
		case (c < ' ' && c != '\t') || c == 0x7f:
			legal = false
			out = append(out, '?')
		case c <= 0xff:
			out = append(out, byte(c))
		case c > 0xffff:
			out = append(out, '?', '?')
		default:
			out = append(out, '?')
		}
	}
	return string(out), legal
}

// fromLatin1 reads the bytes of a header as text.
func fromLatin1(value string) string {
	runes := make([]rune, len(value))
	for i := range len(value) {
		runes[i] = rune(value[i])
	}
	return string(runes)
}

// rewriteTime writes an ISO 8601 time as the CloudEvents SDK does: with
// seconds, without zeros at the end of the fraction, in its own offset. The
// offset must be there, the seconds need not.
func rewriteTime(text string) (string, bool) {
	upper := strings.ToUpper(text)
	// What time.Parse is lax about: one digit for the hour, a comma for the
	// point, more digits of a second than there are.
	if len(upper) < len("2006-01-02T15:04Z") || upper[13] != ':' || strings.Contains(upper, ",") {
		return "", false
	}
	if _, fraction, ok := strings.Cut(upper, "."); ok {
		digits := strings.TrimLeft(fraction, "0123456789")
		if n := len(fraction) - len(digits); n < 1 || n > 9 {
			return "", false
		}
	}
	for _, layout := range [...]string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z07:00:00",
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04Z07:00:00",
	} {
		t, err := time.Parse(layout, upper)
		if err != nil {
			continue
		}
		layout = time.RFC3339Nano
		_, offset := t.Zone()
		if offset%60 != 0 {
			layout = "2006-01-02T15:04:05.999999999Z07:00:00"
		}
		var buffer [48]byte
		if rewritten := t.AppendFormat(buffer[:0], layout); string(rewritten) != text {
			text = string(rewritten)
		}
		return text, inJavaRange(offset)
	}
	return "", false
}

// inJavaRange reports whether Java knows such an offset from UTC.
func inJavaRange(seconds int) bool { return seconds >= -18*3600 && seconds <= 18*3600 }
