package source

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// keyText is a record's key as text. A key that has not the size of its type
// is read as a string.
func keyText(keyType string, key []byte) string {
	switch {
	case keyType == "int" && len(key) == 4:
		return strconv.Itoa(int(int32(binary.BigEndian.Uint32(key))))
	case keyType == "float" && len(key) == 4:
		return floatText(float64(math.Float32frombits(binary.BigEndian.Uint32(key))), 32)
	case keyType == "float" && len(key) == 8:
		return floatText(math.Float64frombits(binary.BigEndian.Uint64(key)), 64)
	case keyType == "byte-array":
		return base64.StdEncoding.EncodeToString(key)
	}
	return repairUTF8(string(key))
}

// floatText writes a number as Java does: 1.0, 0.1, 1.0E10, 1.0E-5, Infinity.
// bits is 32 or 64, the size of the number that f came from.
func floatText(f float64, bits int) string {
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case abs == 0 || (abs >= 1e-3 && abs < 1e7):
		text := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
	if !strings.Contains(mantissa, ".") {
		mantissa, exponent = twoDigits(f, bits)
	}
	power, _ := strconv.Atoi(exponent)
	return mantissa + "E" + strconv.Itoa(power)
}

// twoDigits writes f, for which one digit would do, with the two that Java
// wants at least: the nearest two, so that the smallest double is 4.9E-324.
func twoDigits(f float64, bits int) (mantissa, exponent string) {
	text := strconv.FormatFloat(f, 'E', 1, bits)
	if back, err := strconv.ParseFloat(text, bits); err != nil || back != f {
		mantissa, exponent, _ = strings.Cut(strconv.FormatFloat(f, 'E', -1, bits), "E")
		return mantissa + ".0", exponent
	}
	mantissa, exponent, _ = strings.Cut(text, "E")
	return mantissa, exponent
}
