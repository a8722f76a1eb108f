package source

import (
	"net/netip"
	"strings"
	"unicode"
)

// What java.net.URI allows in the parts of a URI, besides letters, digits,
// %-escapes and everything outside ASCII that is no space or control.
var (
	uriPath      = asciiSet("_-!.~'()*:@&=+$,;/")
	uriAuthority = asciiSet("_-!.~'()*:@&=+$,;")
	uriAny       = asciiSet("_-!.~'()*:@&=+$,;/?[]")
)

// asciiSet is letters, digits and marks, by their code.
func asciiSet(marks string) (set [128]bool) {
	for c := range set {
		set[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune(marks, rune(c))
	}
	return set
}

// validURI reports whether Java would read text as a URI, which is a rule of
// its own: neither what net/url accepts nor quite RFC 2396.
func validURI(text string) bool {
	rest, fragment, _ := strings.Cut(text, "#")
	if !uriChars(fragment, &uriAny) {
		return false
	}
	if i := strings.IndexAny(rest, ":/?"); i >= 0 && rest[i] == ':' {
		if !validScheme(rest[:i]) {
			return false
		}
		rest = rest[i+1:]
		if !strings.HasPrefix(rest, "/") { // opaque, as in urn:x
			return rest != "" && uriChars(rest, &uriAny)
		}
	}
	path, query, _ := strings.Cut(rest, "?")
	if !uriChars(query, &uriAny) {
		return false
	}
	if after, ok := strings.CutPrefix(path, "//"); ok {
		end := strings.IndexByte(after, '/')
		if end < 0 {
			end = len(after)
		}
		if text[strings.Index(text, "//")+2:] == "" || !validAuthority(after[:end]) {
			return false
		}
		path = after[end:]
	}
	return uriChars(path, &uriPath)
}

func validScheme(scheme string) bool {
	for i := range len(scheme) {
		c := scheme[i] | 0x20
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || !strings.ContainsRune("0123456789+-.", rune(scheme[i]))) {
			return false
		}
	}
	return scheme != ""
}

// validAuthority accepts what stands between // and the path: empty, a name, or
// an IPv6 address in brackets.
func validAuthority(authority string) bool {
	if before, after, ok := strings.Cut(authority, "["); ok {
		address, port, closed := strings.Cut(after, "]")
		_, err := netip.ParseAddr(address)
		digits := strings.TrimPrefix(port, ":")
		return closed && err == nil && (before == "" || strings.HasSuffix(before, "@")) &&
			uriChars(before, &uriAuthority) && strings.Trim(digits, "0123456789") == "" &&
			(port == "" || port[0] == ':')
	}
	return uriChars(authority, &uriAuthority)
}

func uriChars(text string, allowed *[128]bool) bool {
	for i, c := range text {
		switch {
		case c <= unicode.MaxASCII && allowed[c]:
		case c == '%':
			if i+2 >= len(text) || !hexDigit(text[i+1]) || !hexDigit(text[i+2]) {
				return false
			}
		case c > unicode.MaxASCII:
			if unicode.IsControl(c) || unicode.In(c, unicode.Z) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func hexDigit(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
