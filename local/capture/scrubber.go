// Package capture makes test files of the events in a Kafka topic, with the
// fields that tell of people replaced.
package capture

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"unicode"
)

// Scrubber replaces values by ones of the same type and shape that nobody can
// trace back without its key. The same input has the same output, within
// longer texts too, so that what belongs together still does; two inputs have
// the same output only where there are not enough of that shape.
type Scrubber struct {
	key  []byte
	by   map[string]string // what was replaced, by what
	used map[string]bool   // outputs
}

// NewScrubber takes a key of its own, unless seed is not empty: then the same
// seed makes the same replacements, and whoever knows it can try inputs.
func NewScrubber(seed string) *Scrubber {
	s := &Scrubber{by: map[string]string{}, used: map[string]bool{}}
	if seed != "" {
		sum := sha256.Sum256([]byte("seed " + seed))
		s.key = sum[:]
		return s
	}
	s.key = make([]byte, 32)
	_, _ = rand.Read(s.key) // which never fails
	return s
}

// Text replaces a text. Blanks and punctuation stay, and so do its length, the
// case and the script of its letters. A time becomes another time, a UUID another
// one. What has no letters and digits stays.
func (s *Scrubber) Text(text string) string {
	switch {
	case uuids.MatchString(text):
		return s.replaced(text, func(random *mathrand.Rand) string { return otherUUID(text, random) })
	case times.MatchString(text):
		return s.replaced(text, func(random *mathrand.Rand) string { return otherTime(text, random) })
	}
	var out, word strings.Builder
	end := func() {
		out.WriteString(s.word(word.String()))
		word.Reset()
	}
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsSymbol(r) && r > unicode.MaxASCII {
			word.WriteRune(r)
			continue
		}
		end()
		out.WriteRune(r)
	}
	end()
	return out.String()
}

func (s *Scrubber) word(word string) string {
	if word == "" || word == "0" {
		return word
	}
	isHex := hexes.MatchString(word) && strings.ContainsAny(word, "abcdef")
	return s.replaced(word, func(random *mathrand.Rand) string {
		var out strings.Builder
		for i, r := range word {
			switch {
			case isHex:
				out.WriteByte("0123456789abcdef"[random.IntN(16)])
			case i == 0 && r >= '1' && r <= '9': // so that a number stays one
				out.WriteByte(byte('1' + random.IntN(9)))
			default:
				out.WriteRune(other(r, random))
			}
		}
		return out.String()
	})
}

// Number replaces a JSON number: its sign, the count of its digits and its
// exponent stay, and 0 does.
func (s *Scrubber) Number(text string) string {
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i:]
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, fraction, isFraction := strings.Cut(mantissa, ".")
	whole = s.word(whole)
	if isFraction {
		whole += "." + s.word(fraction)
	}
	return sign + whole + exponent
}

// Bytes replaces data that is no text by as much that is none either, and says nothing.
func (s *Scrubber) Bytes(data []byte) []byte {
	out := make([]byte, len(data))
	random := s.random(string(data), 0)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	out[0] |= 0xf8 // which is in no UTF-8
	return out
}

// replaced is the replacement that was made before, or a new one that is
// neither the input nor used for another, if there is one to be found.
func (s *Scrubber) replaced(input string, draw func(*mathrand.Rand) string) string {
	if output, known := s.by[input]; known {
		return output
	}
	var output string
	for n := range 50 {
		output = draw(s.random(input, n))
		if output != input && !s.used[output] {
			break
		}
	}
	s.by[input], s.used[output] = output, true
	return output
}

// random are numbers that follow from the key, the input and the number of the try.
func (s *Scrubber) random(input string, try int) *mathrand.Rand {
	mac := hmac.New(sha256.New, s.key)
	_, _ = fmt.Fprintf(mac, "%d %s", try, input)
	return mathrand.New(mathrand.NewChaCha8([32]byte(mac.Sum(nil))))
}
